/**
 * `faithful`: down takes back exactly what up does, and up can be repeated. `lossy`: down leaves another schema than up
 * found. `not-repeatable`: up after down fails, or makes another schema than the first time. `cluster-wide`: it does
 * something to the whole server that cannot be tried beside others.
 */
export type Verdict =
  | "faithful"
  | "irreversible"
  | "missing"
  | "lossy"
  | "failing-down"
  | "not-repeatable"
  | "cluster-wide"
  | "failing-up"
  | "not-tried";

const findings: ReadonlySet<Verdict> = new Set([
  "missing",
  "lossy",
  "failing-down",
  "not-repeatable",
  "cluster-wide",
  "failing-up",
]);

/** Whether somebody should look at it. */
export function isFinding({ verdict }: { readonly verdict: Verdict }): boolean {
  return findings.has(verdict);
}
