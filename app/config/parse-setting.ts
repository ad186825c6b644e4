import type { ListenAddress, SettingType } from "./settings.ts";

/** A value, or the sentence half that says what it must be: "must be …". */
export type ParseResult = { readonly value: unknown } | { readonly mustBe: string };

/** Reads the text of a setting as its type. Pure. */
export function parseSetting(type: SettingType, text: string): ParseResult {
  const trimmed = text.trim();
  switch (type) {
    case "string":
    case "path":
      return { value: text };
    case "port":
      return parsePort(trimmed);
    case "count":
      return /^\d{1,9}$/.test(trimmed) ? { value: Number(trimmed) } : { mustBe: "a whole number, 0 or more" };
    case "duration":
      return parseDuration(trimmed);
    case "address":
      return parseAddress(trimmed);
    case "identifier":
      return parseIdentifier(text);
    default:
      return type.includes(trimmed) ? { value: trimmed } : { mustBe: `one of ${type.join(", ")}` };
  }
}

function parsePort(text: string): ParseResult {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return value <= 65_535 ? { value } : { mustBe: "a port number, 0 to 65535" };
}

const unitMilliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  "": 1000,
};

/** Milliseconds; a bare number is seconds. PostgreSQL's and Compose's spellings are both understood. */
function parseDuration(text: string): ParseResult {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|sec|m|min|h)?$/.exec(text);
  if (match === null)
    return { mustBe: "a duration such as 500ms, 30s, 10min or 1h (a bare number is seconds)" };
  const milliseconds = Math.round(Number(match[1]) * unitMilliseconds[match[2] ?? ""]!);
  // Node's timers and PostgreSQL's time-outs are 32-bit counts of milliseconds.
  return milliseconds < 2 ** 31 ? { value: milliseconds } : { mustBe: "shorter than 24 days" };
}

function parseAddress(text: string): ParseResult {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? Number.NaN);
  if (match === null || !(port <= 65_535))
    return { mustBe: "host:port or :port, for example 127.0.0.1:8080 or [::1]:8080" };
  const host = match[1] ?? match[2];
  return { value: (host ? { host, port } : { port }) satisfies ListenAddress };
}

/**
 * PostgreSQL keeps 63 bytes of a name. Quotes, backslashes and control characters are refused because node-pg-migrate
 * joins these names into SQL text.
 */
function parseIdentifier(text: string): ParseResult {
  const valid = /^[A-Za-z_][A-Za-z0-9_$-]*$/.test(text) && text.length <= 63;
  return valid
    ? { value: text }
    : { mustBe: "a name of at most 63 letters, digits, _, $ or -, not beginning with a digit" };
}
