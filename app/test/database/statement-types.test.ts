import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { selectPage } from "../../registry/server-repository.ts";
import { projectRoot } from "../../version.ts";
import { generateTypes } from "../../../scripts/types/generate-types.ts";
import { definedStatements } from "../../../scripts/types/registry-statements.ts";
import { createTestDatabase, withTestSession, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
});
afterAll(() => database.drop());

/** The types of some statements, after a change of the schema that is undone again. */
async function generate(statements: Parameters<typeof generateTypes>[1], change = ""): Promise<string> {
  return await withTestSession(database.address, async ({ client }) => {
    await client.query(`BEGIN; ${change}`);
    try {
      return await generateTypes(client, statements);
    } finally {
      await client.query("ROLLBACK");
    }
  });
}

/** The members of the row of one statement. */
async function rowOf(text: string): Promise<string[]> {
  const types = await generate([{ name: "registry-page", text }]);
  return [...types.matchAll(/^ {6}readonly (.*);$/gm)].map(([, member = ""]) => member);
}

describe("the types of the registry's statements", () => {
  it("are what PostgreSQL says on the schema of all migrations (npm run types)", async () => {
    const committed = readFileSync(join(projectRoot, "app", "registry", "statement-types.ts"), "utf8");
    await expect(generate(definedStatements())).resolves.toBe(committed);
  });

  it("change with the schema", async () => {
    const committed = await generate(definedStatements());
    expect(committed).toContain("readonly statusChangedAt: string;");
    const looser = await generate(
      definedStatements(),
      "ALTER TABLE server_version ALTER status_changed_at DROP NOT NULL",
    );
    expect(looser).toContain("readonly statusChangedAt: string | null;");
    const longer = await generate(definedStatements(), "ALTER TYPE server_status ADD VALUE 'hidden'");
    expect(longer).toContain('export type ServerStatus = "active" | "deprecated" | "deleted" | "hidden";');
  });

  it("cannot be had where a statement does not fit the schema, and it is named", async () =>
    expect(
      generate(definedStatements(), "ALTER TABLE server_version RENAME status_message TO reason"),
    ).rejects.toThrow(/^the statement import-insert: error: column "status_message" .*does not exist$/));

  it.each([
    ["server_name, title", ["server_name: string", "title: string | null"]],
    ["to_char(updated_at, 'YYYY') AS year", ["year: string"]],
    ["to_char(updated_at, title) AS odd", ["odd: string | null"]],
    ["upper(version) AS unknown", ["unknown: string | null"]],
    ["CASE WHEN is_latest THEN version END AS maybe", ["maybe: string | null"]],
    [
      "length(version) AS length, updated_at, value",
      ["length: number | null", "updated_at: Date", "value: unknown"],
    ],
  ])("say of SELECT %s what may be null", async (list, row) =>
    expect(rowOf(`SELECT ${list} FROM server_version`)).resolves.toEqual(row),
  );

  it("take anything for nullable that an outer join brings", async () => {
    const joined = (kind: string): string =>
      `SELECT s.name, v.version FROM server AS s ${kind} JOIN server_version AS v ON v.server_name = s.name`;
    await expect(rowOf(joined("INNER"))).resolves.toEqual(["name: string", "version: string"]);
    await expect(rowOf(joined("LEFT"))).resolves.toEqual(["name: string | null", "version: string | null"]);
  });

  it("say what RETURNING brings", async () =>
    expect(
      rowOf("UPDATE server_version AS v SET title = $1 WHERE version = $2 RETURNING v.version, title"),
    ).resolves.toEqual(["version: string", "title: string | null"]));
});

describe("the list of servers", () => {
  const after = { name: "a.b/c", version: "1" };
  const combinations = [undefined, after].flatMap((position) =>
    [undefined, "text"].flatMap((search) =>
      [undefined, "2025-01-01T00:00:00.000000Z"].flatMap((updatedSince) =>
        [undefined, "latest", "1.0.0"].flatMap((version) =>
          [true, false].map((includeDeleted) => ({
            position,
            filters: { search, updatedSince, version, includeDeleted },
          })),
        ),
      ),
    ),
  );

  it("is a statement that PostgreSQL takes, whichever of its filters come together", async () => {
    expect(combinations).toHaveLength(48);
    await withTestSession(database.address, async ({ client }) => {
      for (const { position, filters } of combinations)
        expect([filters, await selectPage(client, filters, position, 10)]).toEqual([filters, []]);
    });
  });
});
