import { hostname, userInfo } from "node:os";

// Neither changes, and asking the system for them takes longer than writing the rest of a record.
let host: string | undefined;
let operator: string | undefined;

export function hostName(): string {
  host ??= hostname();
  return host;
}

/** The user of the operating system that runs this process; `uid N` where the number has no name, as in a container. */
export function operatorName(): string {
  if (operator !== undefined) return operator;
  try {
    operator = userInfo().username;
  } catch {
    operator = `uid ${process.getuid?.() ?? "unknown"}`;
  }
  return operator;
}
