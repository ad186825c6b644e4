import { describe, expect, it } from "@jest/globals";
import { itUnless } from "../test/support/it-unless.ts";
import { findRegistryData, readJsonLines, reasonWithout } from "../test/support/registry-data.ts";
import { readEntry } from "./read-entry.ts";

const server = '{ "name":"a.b/c", "version": "1.0.0","title":"T","description":"D\\u0000","weight":1.0 }';
const meta = (official: object): string =>
  JSON.stringify({ "io.modelcontextprotocol.registry/official": official });

describe("readEntry", () => {
  it("keeps the document of a ServerResponse as it stands in the line, and its dates", () => {
    const official = {
      status: "deprecated",
      statusMessage: "Use a.b/d",
      statusChangedAt: "2025-10-10T00:00:00Z",
      publishedAt: "2025-10-09T17:05:17.79Z",
      updatedAt: "2025-10-10T00:00:00Z",
      isLatest: true,
    };
    expect(readEntry(`{"server": ${server} ,"_meta":${meta(official)}}`)).toEqual({
      name: "a.b/c",
      version: "1.0.0",
      value: server,
      title: "T",
      description: "D",
      status: "deprecated",
      statusMessage: "Use a.b/d",
      statusChangedAt: "2025-10-10T00:00:00.000000Z",
      publishedAt: "2025-10-09T17:05:17.790000Z",
      updatedAt: "2025-10-10T00:00:00.000000Z",
    });
  });

  it("takes a bare server.json, which has neither status nor dates", () =>
    expect(readEntry(server)).toMatchObject({
      value: server,
      status: undefined,
      statusMessage: undefined,
      statusChangedAt: undefined,
      publishedAt: undefined,
      updatedAt: undefined,
    }));

  it.each([
    [
      { status: "active", statusMessage: "ignored" },
      { status: "active", statusMessage: undefined },
    ],
    [{ status: "deleted" }, { status: "deleted", statusMessage: undefined }],
    [
      { status: "deleted", statusMessage: null },
      { status: "deleted", statusMessage: undefined },
    ],
    [
      { status: "deleted", statusMessage: "😀".repeat(500) },
      { status: "deleted", statusMessage: "😀".repeat(500) },
    ],
    [{ statusMessage: "of nothing" }, { status: undefined, statusMessage: undefined }],
  ])("reads the status of %j", (official, status) =>
    expect(readEntry(`{"server":${server},"_meta":${meta(official)}}`)).toMatchObject(status),
  );

  it("is lenient with everything that it does not need", () =>
    expect(
      readEntry(
        '{"server":{"name":"a/b","version":"^1","title":7,"description":null,"packages":"?"},"_meta":[]}',
      ),
    ).toMatchObject({
      version: "^1",
      title: undefined,
      description: undefined,
    }));

  const document = '"name":"a/b","version":"1"';
  it.each([
    ["{", expect.stringMatching(/^not valid JSON: /)],
    ["[]", "not a JSON object"],
    ["null", "not a JSON object"],
    ["{}", "no name"],
    ['{"server":{"name":7}}', "no name"],
    ['{"name":"a/b"}', 'no version (of "a/b")'],
    ['{"name":"ab","version":"1"}', 'the name "ab" does not have the form namespace/name'],
    [
      '{"name":"a/b","version":"latest"}',
      'the version "latest" of a/b is not possible (1 to 255 bytes, not "latest")',
    ],
    [
      `{"server":{${document}},"_meta":${meta({ status: "gone" })}}`,
      'the status "gone" of a/b 1 cannot be stored',
    ],
    [
      `{"server":{${document}},"_meta":${meta({ status: "deleted", statusMessage: "\0" })}}`,
      'the status message "\\u0000" of a/b 1 cannot be stored',
    ],
    [
      `{"server":{${document}},"_meta":${meta({ status: "deleted", statusMessage: "m".repeat(501) })}}`,
      `the status message "${"m".repeat(78)}… of a/b 1 cannot be stored`,
    ],
    [
      `{"server":{${document}},"_meta":${meta({ publishedAt: "yesterday" })}}`,
      "a date of a/b 1 is not an RFC 3339 time",
    ],
    [`{${document},"x":${"[".repeat(100)}${"]".repeat(100)}}`, "nested more than 100 levels deep"],
  ])("says what is wrong with %s", (line, reason) => expect(readEntry(line)).toEqual(reason));

  const invalid = findRegistryData("invalid.jsonl");
  itUnless(reasonWithout(invalid))("takes real entries that the schema refuses", () => {
    const results = readJsonLines<object>(invalid ?? "").map((line) => readEntry(JSON.stringify(line)));
    expect(results.filter((result) => typeof result === "string")).toEqual(["no name"]);
    expect(results).toHaveLength(64);
  });
});
