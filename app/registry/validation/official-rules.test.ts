import { readFileSync } from "node:fs";
import { describe, expect } from "@jest/globals";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { itUnless } from "../../test/support/it-unless.ts";
import { findRegistryData, readJsonLines, reasonWithout } from "../../test/support/registry-data.ts";
import { checkOfficialRules } from "./official-rules.ts";

const valid = findRegistryData("servers.jsonl");
const invalid = findRegistryData("invalid.jsonl");
const schemaFile = findRegistryData("../upstream/server.schema.2025-12-11.json");

describe("the official rules", () => {
  itUnless(reasonWithout(valid))("take every real server.json", () => {
    const entries = readJsonLines<{ server: object }>(valid ?? "");
    const refused = entries
      .map(({ server }) => checkOfficialRules(server))
      .filter((checked) => "issues" in checked);
    expect([entries.length, refused]).toEqual([1930, []]);
  });

  itUnless(reasonWithout(invalid))("refuse every real document that is none", () => {
    const entries = readJsonLines<{ server: object }>(invalid ?? "");
    const taken = entries.filter(({ server }) => "document" in checkOfficialRules(server));
    expect([entries.length, taken]).toEqual([64, []]);
  });

  itUnless(reasonWithout(valid, schemaFile))(
    "say what the official schema says, also of broken documents",
    () => {
      const ajv = new Ajv({ strict: false });
      addFormats.default(ajv);
      const schema: object = JSON.parse(readFileSync(schemaFile ?? "", "utf8"));
      const isValid = ajv.compile(schema);
      const entries = readJsonLines<{ server: object }>(valid ?? "").map(({ server }) => server);
      let refusals = 0;
      fc.assert(
        fc.property(
          fc.constantFrom(...entries),
          fc.array(mutation, { minLength: 1, maxLength: 3 }),
          (server, mutations) => {
            const document = structuredClone(server);
            for (const mutate of mutations) mutate(document);
            const expected = isValid(document);
            if (!expected) refusals++;
            const checked = checkOfficialRules(document);
            expect(["document" in checked, checked, document]).toEqual([expected, checked, document]);
          },
        ),
        // The same documents in every run: what another seed finds is for a person to look into, and no accident of a build.
        { numRuns: 3000, seed: 20_261_201 },
      );
      // Otherwise nothing was compared.
      expect(refusals).toBeGreaterThan(500);
    },
  );
});

/** Values that a member may be given instead of its own. */
const replacement = fc.oneof(
  fc.constantFrom<unknown>(
    undefined, null, "", 0, true, [], {}, [{}], ["x"], "latest", "http://a.b/c", "https://a b", "https://a.b/%zz", "a.b", "mailto:x", "ftp://ü",
    "named", "positional", "sse", "stdio", "streamable-http", "x".repeat(101), "x".repeat(201), "x".repeat(256), "😀".repeat(100),
    { type: "sse", url: "https://a" }, { type: "stdio", url: 1 }, [{ type: "positional", value: "" }], { x: null }, { x: {} },
  ), // prettier-ignore
  fc.jsonValue({ maxDepth: 2 }),
);

/** Changes one value somewhere in a document; undefined takes the member away. */
const mutation = fc.tuple(fc.nat(), replacement).map(([seed, value]) => (document: object): void => {
  const places: [Record<string, unknown>, string][] = [];
  const collect = (parent: object): void => {
    for (const [key, member] of Object.entries(parent)) {
      places.push([parent as Record<string, unknown>, key]);
      if (typeof member === "object" && member !== null) collect(member);
    }
  };
  collect(document);
  const place = places[seed % Math.max(places.length, 1)];
  if (place === undefined) return;
  const [parent, key] = place;
  if (value === undefined && !Array.isArray(parent)) delete parent[key];
  else parent[key] = structuredClone(value ?? null); // two places must not share one object
});
