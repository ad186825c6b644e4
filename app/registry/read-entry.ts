import { messageOf } from "../errors.ts";
import { depthOf, rawMember } from "./raw-member.ts";
import { isServerName, isVersion } from "./server-name.ts";
import { officialMeta } from "./server-record.ts";
import { isStatusMessage, serverStatuses, type ServerStatus } from "./server-status.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What a line of an import says. Times are as `parseTimestamp` writes them; undefined: the line does not say. */
export interface Entry {
  readonly name: string;
  readonly version: string;
  /** The document as it stands in the line. */
  readonly value: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** With its message, or none; undefined: the line does not say. */
  readonly status: ServerStatus | undefined;
  readonly statusMessage: string | undefined;
  readonly statusChangedAt: string | undefined;
  readonly publishedAt: string | undefined;
  readonly updatedAt: string | undefined;
}

const deepest = 100;

/**
 * The entry in a line: a ServerResponse (`{"server": …, "_meta": …}`) or a bare server.json; or, as a string, why it is
 * none. Lenient: only what is needed to store and to address the entry is asked for.
 */
export function readEntry(line: string): Entry | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    return `not valid JSON: ${messageOf(error)}`;
  }
  if (!isObject(parsed)) return "not a JSON object";
  const wrapped = parsed["server"];
  const isWrapped = isObject(wrapped);
  const server = isWrapped ? wrapped : parsed;
  const value = isWrapped ? rawMember(line, "server") : line.trim();
  if (value === undefined || depthOf(value) > deepest) return `nested more than ${deepest} levels deep`;

  const { name, version } = server;
  if (typeof name !== "string" || name === "") return "no name";
  if (typeof version !== "string" || version === "") return `no version (of ${shown(name)})`;
  if (!isServerName(name)) return `the name ${shown(name)} does not have the form namespace/name`;
  if (!isVersion(version))
    return `the version ${shown(version)} of ${name} is not possible (1 to 255 bytes, not "latest")`;

  const meta = isWrapped && isObject(parsed["_meta"]) ? parsed["_meta"][officialMeta] : undefined;
  const official = isObject(meta) ? meta : {};
  const status = readStatus(official);
  if (typeof status === "string") return `the ${status} of ${name} ${version} cannot be stored`;
  const publishedAt = readTime(official["publishedAt"]);
  const updatedAt = readTime(official["updatedAt"]);
  const statusChangedAt = readTime(official["statusChangedAt"]);
  if (publishedAt === null || updatedAt === null || statusChangedAt === null)
    return `a date of ${name} ${version} is not an RFC 3339 time`;
  return {
    name,
    version,
    value,
    title: textOf(server["title"]),
    description: textOf(server["description"]),
    ...status,
    statusChangedAt: status.status === undefined ? undefined : statusChangedAt,
    publishedAt,
    updatedAt: updatedAt ?? publishedAt,
  };
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The status with its message, or what is wrong. An active version has no message. */
function readStatus({ status, statusMessage }: JsonObject): Pick<Entry, "status" | "statusMessage"> | string {
  if (status === undefined) return { status, statusMessage: undefined };
  const known = serverStatuses.find((one) => one === status);
  if (known === undefined) return `status ${shown(status)}`;
  if (known === "active" || statusMessage === undefined || statusMessage === null || statusMessage === "")
    return { status: known, statusMessage: undefined };
  if (typeof statusMessage !== "string" || !isStatusMessage(statusMessage))
    return `status message ${shown(statusMessage)}`;
  return { status: known, statusMessage };
}

/** undefined: not given; null: given and wrong. */
function readTime(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? (parseTimestamp(value) ?? null) : null;
}

/** For the search columns: PostgreSQL's text holds no NUL. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value.replaceAll("\0", "") : undefined;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
