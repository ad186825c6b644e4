import { AppError } from "../errors.ts";

/** What a path below `/servers/` names. */
export type ServerPath =
  | { readonly kind: "versions"; readonly name: string }
  | { readonly kind: "version"; readonly name: string; readonly version: string }
  | { readonly kind: "version-status"; readonly name: string; readonly version: string }
  | { readonly kind: "server-status"; readonly name: string };

/**
 * Reads the decoded segments after `/servers/`. The slash of a name may be escaped (`a%2Fb`: one segment) or not (`a/b`:
 * two), since proxies decode it. undefined: no path of the API.
 *
 * @throws AppError `invalid-request` for a NUL
 */
export function parseServerPath(segments: readonly string[]): ServerPath | undefined {
  if (segments.some((segment) => segment.includes("\0"))) {
    throw new AppError("invalid-request", "The path must not hold a NUL character.");
  }
  const [first = "", second = "", ...others] = segments;
  const isEscaped = first.includes("/");
  const name = isEscaped ? first : `${first}/${second}`;
  const [head, version, tail, ...more] = isEscaped ? segments.slice(1) : others;
  if (more.length > 0) return undefined;
  if (head === "status" && version === undefined) return { kind: "server-status", name };
  if (head !== "versions") return undefined;
  if (version === undefined) return { kind: "versions", name };
  if (tail === undefined) return { kind: "version", name, version };
  return tail === "status" ? { kind: "version-status", name, version } : undefined;
}
