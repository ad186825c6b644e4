import { describe, expect, it } from "@jest/globals";
import { decodeCursor, encodeCursor, longestCursor, type Cursor } from "./cursor.ts";

const plain: Cursor = {
  after: { name: "a.b/c", version: "1.0.0" },
  filters: { search: undefined, updatedSince: undefined, version: undefined, includeDeleted: false },
};
const full: Cursor = {
  after: { name: "a.b/c", version: "1.0.0+ü" },
  filters: {
    search: '100 % "çà\\_"',
    updatedSince: "2025-01-01T00:00:00.000000Z",
    version: "latest",
    includeDeleted: true,
  },
};

/** A cursor as somebody might make it by hand. */
const forged = (...fields: string[]): string => Buffer.from(fields.join("\0")).toString("base64url");

describe("a cursor", () => {
  it("brings back its place and its filters", () => {
    expect(decodeCursor(encodeCursor(plain))).toEqual(plain);
    expect(decodeCursor(encodeCursor(full))).toEqual(full);
    const exact = { ...full, filters: { ...full.filters, version: "1.0.0+ü" } };
    expect(decodeCursor(encodeCursor(exact))).toEqual(exact);
  });

  it("can be pasted into a URL as it is", () => expect(encodeCursor(full)).toMatch(/^[A-Za-z0-9_-]+$/));

  it("fits its 2 KB whatever it carries", () => {
    const search = "😀".repeat(200);
    const name = `${"a".repeat(100)}/${"b".repeat(99)}`;
    for (const version of ["latest", "v".repeat(255)]) {
      const after = { name, version: "v".repeat(255) };
      const longest = { after, filters: { ...full.filters, search, version } };
      expect(encodeCursor(longest).length).toBeLessThanOrEqual(longestCursor);
      expect(decodeCursor(encodeCursor(longest))).toEqual(longest);
    }
  });

  it("is known when it is made by hand the right way", () =>
    expect(decodeCursor(forged("1", "a.b/c", "1.0.0", "", "", "", ""))).toEqual(plain));

  it.each([
    ["nothing", ""],
    ["other characters", "abc+/="],
    ["padding", `${encodeCursor(plain)}=`],
    ["noise", "bm9pc2U"],
    ["another format", forged("2", "a.b/c", "1.0.0", "", "", "", "")],
    ["a field more", forged("1", "a.b/c", "1.0.0", "", "", "", "", "")],
    ["a name that is none", forged("1", "a.b", "1.0.0", "", "", "", "")],
    ["no version", forged("1", "a.b/c", "", "", "", "", "")],
    ["the version `latest`", forged("1", "a.b/c", "latest", "", "", "", "")],
    ["a version twice", forged("1", "a.b/c", "1.0.0", "", "", "1.0.0", "")],
    ["a search that is too long", forged("1", "a.b/c", "1.0.0", "x".repeat(201), "", "", "")],
    ["a search that is not trimmed", forged("1", "a.b/c", "1.0.0", " x", "", "", "")],
    ["a time that is none", forged("1", "a.b/c", "1.0.0", "", "yesterday", "", "deleted")],
    ["a time in another spelling", forged("1", "a.b/c", "1.0.0", "", "2025-01-01T00:00:00Z", "", "deleted")],
    [
      "updated_since without deleted versions",
      forged("1", "a.b/c", "1.0.0", "", "2025-01-01T00:00:00.000000Z", "", ""),
    ],
    ["an unknown word", forged("1", "a.b/c", "1.0.0", "", "", "", "yes")],
    [
      "invalid UTF-8",
      Buffer.from([...Buffer.from("1\0a.b/c\x001.0.0\0"), 0xff, 0, 0, 0]).toString("base64url"),
    ],
    ["more than 2 KB", forged("1", "a.b/c", "1.0.0", "😀".repeat(500), "", "", "")],
  ])("is refused when it holds %s", (_what, text) => expect(decodeCursor(text)).toBeUndefined());
});
