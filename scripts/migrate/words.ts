/** `1 migration`, `2 migrations`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What is left to the service: `1 deferred migration waits for the service to run: …`. */
export function deferredSentence(count: number): string {
  return `${countOf(count, "deferred migration")} ${count === 1 ? "waits" : "wait"} for the service to run: \`migrate deferred\`.`;
}

/** A duration for people: `34 ms`, `1.2 s`, `3 min 20 s`. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
}

/** A size for people: `812 bytes`, `16 kB`, `1.2 GB`. */
export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Who ran something: `ann@build-7 (migrator)`; ledgers from before operators were recorded know host and role only. */
export function whoRan({
  operator,
  host,
  role,
}: Readonly<Record<"operator" | "host" | "role", string | null>>): string {
  if (role === null) return "";
  return `${operator === null ? "" : `${operator}@`}${host ?? "?"} (${role})`;
}

/** A moment for people, to the second: `2026-03-02 10:00:00Z`. */
export function moment(iso: string): string {
  return iso.replace("T", " ").replace(/\.\d+Z$/, "Z");
}

/** A number for people: `12,000`. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}
