/** PostgreSQL's table locks, weakest first. Source: the manual, "Explicit Locking". */
export const lockLevels = [
  "ACCESS SHARE",
  "ROW SHARE",
  "ROW EXCLUSIVE",
  "SHARE UPDATE EXCLUSIVE",
  "SHARE",
  "SHARE ROW EXCLUSIVE",
  "EXCLUSIVE",
  "ACCESS EXCLUSIVE",
] as const;

export type LockLevel = (typeof lockLevels)[number];

export function strongest(a: LockLevel, b: LockLevel): LockLevel {
  return lockLevels.indexOf(a) >= lockLevels.indexOf(b) ? a : b;
}

/** Whether a SELECT waits for it: it takes ACCESS SHARE. */
export function blocksReaders(lock: LockLevel): boolean {
  return lock === "ACCESS EXCLUSIVE";
}

/** Whether INSERT, UPDATE and DELETE wait for it: they take ROW EXCLUSIVE. */
export function blocksWriters(lock: LockLevel): boolean {
  return lockLevels.indexOf(lock) >= lockLevels.indexOf("SHARE");
}
