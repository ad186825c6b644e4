import { isAscii, isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename } from "node:path";
import { messageOf } from "../errors.ts";

/** One migration file's text, ready to run, and the checksum that the ledger keeps. */
export interface MigrationText {
  readonly text: string;
  /** SHA-256 in hexadecimal, over the text without a byte-order mark and with LF line ends. */
  readonly checksum: string;
}

/** Larger files would have to be held in memory several times; data of that size belongs into an import. */
export const largestFile: number = 16 * 1024 * 1024;

/** Most files fit in here, which saves asking for their size: every start reads all of them. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Reads a migration file. The text lacks nothing but a byte-order mark: its line ends may stand in literals. The checksum
 * does not depend on them, so that a Windows checkout has the same one.
 *
 * @returns the text, or a sentence that says why it cannot be used
 */
export function readMigrationText(path: string): MigrationText | string {
  const file = basename(path);
  let bytes: Buffer;
  try {
    const descriptor = openSync(path, "r");
    try {
      const beginning = readSync(descriptor, buffer, 0, buffer.length, 0);
      if (beginning < buffer.length) return decode(buffer.subarray(0, beginning), file);
      const { size } = fstatSync(descriptor);
      if (size > largestFile) {
        return `${file} has ${Math.round(size / 1024 / 1024)} MiB; a migration may have ${largestFile / 1024 / 1024} MiB. Load data of that size with an import, or split the file.`;
      }
      bytes = readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return `${file} cannot be read: ${messageOf(error)}.`;
  }
  return decode(bytes, file);
}

const manyFiles = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * The checksums of files of which nothing else need be known: ASCII with LF line ends, without the word and the pattern. All are read
 * before any is looked at, so that the looking is done once for all of them.
 *
 * @returns undefined when one of them is not like that, or cannot be read: each must be looked at by itself
 */
export function readPlainChecksums(
  paths: readonly string[],
  word: string,
  pattern?: RegExp,
): string[] | undefined {
  const ends: number[] = [];
  let end = 0;
  try {
    for (const path of paths) {
      const descriptor = openSync(path, "r");
      const room = manyFiles.length - end;
      const length = readSync(descriptor, manyFiles, end, room, 0);
      closeSync(descriptor);
      if (length === room) return undefined;
      end += length;
      ends.push(end);
    }
  } catch {
    return undefined;
  }
  const all = manyFiles.subarray(0, end);
  if (!isAscii(all) || all.includes(0) || all.includes(13) || all.includes(word)) return undefined;
  if (pattern?.test(all.toString("latin1"))) return undefined;
  return ends.map((to, index) => hash("sha256", manyFiles.subarray(ends[index - 1] ?? 0, to)));
}

/** Pure part of `readMigrationText`. */
export function decode(bytes: Buffer, file: string): MigrationText | string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return `${file} is UTF-16; save it as UTF-8.`;
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    return `${file} has a NUL byte at offset ${nul}; PostgreSQL would ignore everything behind it. Is it UTF-16, or damaged?`;
  }
  const ascii = isAscii(bytes);
  if (!ascii && !isUtf8(bytes)) {
    return `${file} is not valid UTF-8 (first wrong byte at offset ${firstInvalidByte(bytes)}); save it as UTF-8.`;
  }
  const decoded = bytes.toString(ascii ? "latin1" : "utf8");
  const text = decoded.startsWith("\uFEFF") ? decoded.slice(1) : decoded;
  return { text, checksum: checksumOf(withLineFeeds(text)) };
}

/** The text with LF line ends, over which checksums are taken. */
export function withLineFeeds(text: string): string {
  return text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text;
}

/** The checksum of a text whose line ends are LF. */
export function checksumOf(text: string): string {
  return hash("sha256", text);
}

/** Where the first character begins that is wrong or cut off. */
function firstInvalidByte(bytes: Buffer): number {
  let [valid, tooLong] = [0, bytes.length];
  const decoder = (): InstanceType<typeof TextDecoder> =>
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  while (valid + 1 < tooLong) {
    const middle = (valid + tooLong) >> 1;
    try {
      decoder().decode(bytes.subarray(0, middle), { stream: true });
      valid = middle;
    } catch {
      tooLong = middle;
    }
  }
  // The bytes of a character that is not complete were no error so far.
  return Buffer.byteLength(decoder().decode(bytes.subarray(0, valid), { stream: true }));
}
