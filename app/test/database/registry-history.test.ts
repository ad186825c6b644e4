import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { compareCatalogues } from "../../migrate/catalogue/compare.ts";
import type { CatalogueEntry } from "../../migrate/catalogue/read.ts";
import { latestOf } from "../../registry/latest.ts";
import { itUnless } from "../support/it-unless.ts";
import { findRegistryData, readJsonLines, reasonWithout } from "../support/registry-data.ts";
import { entryOf, importInto, storedRows } from "../support/registry-fixture.ts";
import {
  head,
  migrateDown,
  migrateUpTo,
  readDocuments,
  readRegistrySchema,
} from "../support/registry-history.ts";
import { insertVersions, type OldVersion } from "../support/release-with-deprecated.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const versions = Array.from({ length: head }, (_, index) => index + 1);

/** For where the real data is not. */
const madeUp: readonly OldVersion[] = Array.from({ length: 1_400 }, (_, index) => ({
  name: `a.b/n${index % 300}`,
  version: `${index}.0.0`,
  value: JSON.stringify({ name: `a.b/n${index % 300}`, ü: index }),
  deprecated: index % 7 === 0,
}));

describe("the history of the registry's schema", () => {
  const data = findRegistryData("servers.jsonl");
  const rows = data === undefined ? madeUp : readJsonLines<Line>(data).map(toOldVersion);

  it(`goes up, down and up again: each down leaves exactly the schema before it, and every document of ${rows.length}`, async () => {
    const schemas: CatalogueEntry[][] = [await readRegistrySchema(database)];
    const same = async (version: number): Promise<void> => {
      const found = compareCatalogues(schemas[version]!, await readRegistrySchema(database));
      expect([version, found]).toEqual([version, { missing: [], extra: [], changed: [] }]);
    };
    const deprecated = async (condition: string): Promise<unknown> =>
      database.query(
        `SELECT count(*)::int AS rows, md5(string_agg(server_name || ' ' || version, ',' ORDER BY server_name, version)) AS hash
           FROM server_version WHERE ${condition}`,
      );
    await migrateUpTo(database, 1);
    schemas.push(await readRegistrySchema(database));
    await insertVersions(database, rows);
    const documents = await readDocuments(database);
    expect(documents.rows).toBe(rows.length);
    const before = await deprecated("deprecated");
    expect(before).toMatchObject([{ rows: Math.ceil(rows.length / 7) }]);

    for (const version of versions.slice(1)) {
      await migrateUpTo(database, version);
      schemas.push(await readRegistrySchema(database));
      expect([version, await readDocuments(database)]).toEqual([version, documents]);
    }
    await expect(deprecated("status = 'deprecated'")).resolves.toEqual(before);
    for (const version of versions.slice(1).toReversed()) {
      await same(version);
      await migrateDown(database);
      expect([version, await readDocuments(database)]).toEqual([version, documents]);
      await expect(deprecated("deprecated")).resolves.toEqual(before);
    }
    await migrateUpTo(database, head);
    await same(head);
    await expect(readDocuments(database)).resolves.toEqual(documents);
    await expect(deprecated("status = 'deprecated'")).resolves.toEqual(before);

    await migrateDown(database, 0);
    await same(0);
    // Each of them does something to the schema, but for the two backfills.
    const idle = versions.filter(
      (version) => JSON.stringify(schemas[version]) === JSON.stringify(schemas[version - 1]),
    );
    expect(idle).toEqual([3, 6]);
  });

  it("dates a status from the publication, or from the last change where it is deprecated", async () => {
    await migrateUpTo(database, 4);
    const dates = { publishedAt: "2025-01-01T00:00:00Z", updatedAt: "2025-02-01T00:00:00Z" };
    await insertVersions(database, [
      { name: "a.b/c", version: "1", ...dates },
      { name: "a.b/c", version: "2", ...dates, deprecated: true },
    ]);
    await migrateUpTo(database, head);
    const stored = await database.query(
      "SELECT status, status_message, status_changed_at::text AS changed, updated_at::text AS updated FROM server_version ORDER BY version",
    );
    const updated = "2025-02-01 00:00:00+00";
    expect(stored).toEqual([
      { status: "active", status_message: null, changed: "2025-01-01 00:00:00+00", updated },
      { status: "deprecated", status_message: null, changed: updated, updated },
    ]);
  });

  it.each([
    ["server_version_status_message", "status_message = 'why'"],
    ["server_version_status_message", `status = 'deleted', status_message = repeat('ü', 501)`],
    ["server_version_status_changed_finite", "status_changed_at = 'infinity'"],
  ])("keeps %s: SET %s", async (constraint, change) => {
    const migrated = await createTestDatabase({ template: "migrated" });
    await importInto(migrated, [entryOf("a.b/c", "1")]);
    await expect(migrated.query(`UPDATE server_version SET ${change}`)).rejects.toMatchObject({ constraint });
    await migrated.drop();
  });

  const cases = findRegistryData("latest-cases.jsonl");
  itUnless(reasonWithout(cases))(
    "ends with what the real registry decided about the latest versions",
    async () => {
      const migrated = await createTestDatabase({ template: "migrated" });
      const servers = readJsonLines<Case>(cases ?? "");
      expect(servers).toHaveLength(244);
      const entries = servers.flatMap(({ name, versions: all }) =>
        all.map(({ version, publishedAt }) => ({
          server: { name, version },
          _meta: { "io.modelcontextprotocol.registry/official": { status: "active", publishedAt } },
        })),
      );
      await importInto(migrated, entries);
      const marked = (await storedRows(migrated)).filter(({ latest }) => latest).map(({ key }) => key);
      await migrated.drop();
      const decided = servers.map(
        ({ name, versions: all }) => `${name}@${all.find(({ isLatest }) => isLatest)?.version}`,
      );
      expect(marked.toSorted()).toEqual(decided.toSorted());
      // The case would be lost on a rule that takes any version.
      expect(servers.some(({ versions: all }) => all[0] !== latestOf(all))).toBe(true);
    },
  );
});

interface Case {
  readonly name: string;
  readonly versions: [CaseVersion, ...CaseVersion[]];
}

interface CaseVersion {
  readonly version: string;
  readonly publishedAt: string;
  readonly isLatest: boolean;
}

interface Line {
  readonly server: { readonly name: string; readonly version: string };
  readonly _meta?: Readonly<
    Record<string, { readonly status?: string; readonly publishedAt?: string; readonly updatedAt?: string }>
  >;
}

function toOldVersion({ server, _meta }: Line, index: number): OldVersion {
  const { publishedAt, updatedAt } = _meta?.["io.modelcontextprotocol.registry/official"] ?? {};
  return {
    name: server.name,
    version: server.version,
    value: JSON.stringify(server),
    // All but a few of the real ones are active.
    deprecated: index % 7 === 0,
    ...(publishedAt === undefined ? {} : { publishedAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
  };
}
