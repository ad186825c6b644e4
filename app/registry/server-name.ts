/** The rules of identity: what names a server and what names one of its versions. */

const namePart = (inner: string): string => `[a-zA-Z0-9](?:[${inner}]*[a-zA-Z0-9])?`;
const namePattern = new RegExp(`^${namePart("a-zA-Z0-9.-")}/${namePart("a-zA-Z0-9._-")}$`);

/** Whether `text` is `namespace/name`, 3 to 200 characters, each part beginning and ending alphanumeric. */
export function isServerName(text: string): boolean {
  return text.length >= 3 && text.length <= 200 && namePattern.test(text);
}

/** The word that stands for the newest version in paths and filters, and so cannot be a version. */
export const latestWord = "latest";

const longestVersion = 255;

/**
 * Whether `text` can be stored as a version: 1 to 255 bytes, without NUL (PostgreSQL's text holds none), not `latest`.
 * Bytes, so that a cursor always fits its 2 KB; versions are ASCII in practice.
 */
export function isVersion(text: string): boolean {
  return isVersionFilter(text) && text !== latestWord;
}

/** Whether a list can be filtered by `text`: a version or `latest`. */
export function isVersionFilter(text: string): boolean {
  return text !== "" && Buffer.byteLength(text) <= longestVersion && !text.includes("\0");
}
