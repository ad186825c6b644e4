import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { checksumOf, decode, largestFile, readMigrationText } from "./migration-text.ts";

const text = "CREATE TABLE café (id int);\nSELECT 1;\n";
const decoded = (bytes: Buffer): unknown => decode(bytes, "000001_a.up.sql");

describe("the text of a migration", () => {
  it("keeps its line ends, and its checksum is the same with LF, CRLF and lone CR, and with a byte-order mark", () => {
    const checksum = checksumOf(text);
    for (const form of [text, text.replaceAll("\n", "\r\n"), text.replaceAll("\n", "\r")]) {
      expect(decoded(Buffer.from(form))).toEqual({ text: form, checksum });
      expect(decoded(Buffer.from(`\uFEFF${form}`))).toEqual({ text: form, checksum });
    }
  });

  it("has another checksum when a character or the last line break differs", () => {
    expect(new Set([text, text.trimEnd(), text.replace("1", "2"), `${text} `].map(checksumOf)).size).toBe(4);
  });

  it("is refused as UTF-16, in both orders of bytes", () => {
    const little = Buffer.from(`\uFEFF${text}`, "utf16le");
    const sentence = "000001_a.up.sql is UTF-16; save it as UTF-8.";
    expect(decoded(little)).toBe(sentence);
    expect(decoded(Buffer.from(little).swap16())).toBe(sentence);
  });

  it("is refused with a NUL byte, whose place is named", () => {
    expect(decoded(Buffer.from("SELECT\0 1"))).toBe(
      "000001_a.up.sql has a NUL byte at offset 6; PostgreSQL would ignore everything behind it. Is it UTF-16, or damaged?",
    );
  });

  it.each([
    ["Latin-1", Buffer.from("SELECT 'caf\u00e9'", "latin1"), 11],
    ["a character cut off at the end", Buffer.from([0x61, 0xe2, 0x82]), 1],
    ["a byte that begins nothing", Buffer.from([0xff]), 0],
    ["a byte-order mark before it", Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x80]), 4],
    ["half a surrogate pair", Buffer.from([0x61, 0xed, 0xa0, 0x80]), 1],
  ])("is refused as %s, with the place of the first wrong character", (_, bytes, offset) => {
    expect(decoded(bytes)).toBe(
      `000001_a.up.sql is not valid UTF-8 (first wrong byte at offset ${offset}); save it as UTF-8.`,
    );
  });
});

describe("reading the file of a migration", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "headgate-text-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("gives its text", () => {
    writeFileSync(join(folder, "a.sql"), text);
    expect(readMigrationText(join(folder, "a.sql"))).toEqual({ text, checksum: checksumOf(text) });
  });

  it("says why it cannot be read", () => {
    expect(readMigrationText(join(folder, "none.sql"))).toMatch(/^none\.sql cannot be read: ENOENT.*\.$/);
    expect(readMigrationText(folder)).toMatch(/cannot be read: EISDIR/);
  });

  it("refuses one that is too large without reading it", () => {
    writeFileSync(join(folder, "large.sql"), Buffer.alloc(largestFile + 1, "\n"));
    expect(readMigrationText(join(folder, "large.sql"))).toBe(
      "large.sql has 16 MiB; a migration may have 16 MiB. Load data of that size with an import, or split the file.",
    );
  });
});
