import { AppError } from "../errors.ts";

export const brokenEscape = "The path holds a broken percent-escape.";

/** What a path below `/servers/` names. */
export type ServerPath =
  | { readonly kind: "versions"; readonly name: string }
  | { readonly kind: "version"; readonly name: string; readonly version: string }
  | { readonly kind: "version-status"; readonly name: string; readonly version: string }
  | { readonly kind: "server-status"; readonly name: string };

/**
 * Reads what stands in a URL after `/servers/`. The slash of a name may be escaped (`a%2Fb`) or not (`a/b`), since
 * proxies decode it. undefined: no path of the API.
 *
 * @throws AppError `invalid-request` for a NUL or a broken percent-escape
 */
export function parseServerPath(path: string): ServerPath | undefined {
  const segments = path.split("/").map(decodeSegment);
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

function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new AppError("invalid-request", brokenEscape, { cause: error });
  }
}
