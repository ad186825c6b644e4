import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import request from "supertest";
import { commands } from "../../../scripts/migrate/commands.ts";
import { runRegistry } from "../../../scripts/registry/run.ts";
import { definedStatements } from "../../../scripts/types/registry-statements.ts";
import { createTestApi } from "../support/api.ts";
import { makeHostileSchema } from "../support/hostile-schema.ts";
import { documentOf, everywhere, writeTokens } from "../support/publisher.ts";
import { entryOf } from "../support/registry-fixture.ts";
import { scriptRunners } from "../support/run-script.ts";
import { configOf, createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { migrate, writeFiles } from "./hostile/perform.ts";

// An ordinary role may create in every schema of the path. It has doubled everything that PostgreSQL brings, and the role
// whose programs run here has those doubles before PostgreSQL's own on its path: each statement that a program sends and
// that leaves anything to the path springs a trap, whichever it is. No list of statements has to be kept up.

const hostilePath = "hostile, pg_catalog, app, public";

interface Place {
  readonly database: TestDatabase;
  /** As the role whose programs are attacked. */
  readonly url: string;
  readonly attacked: pg.Client;
  drop(): Promise<void>;
}

async function lay(): Promise<Place> {
  const database = await createTestDatabase({ template: "migrated" });
  const [mallory, victim] = [`${database.name}_mallory`, `${database.name}_victim`];
  await database.query(`
    CREATE ROLE ${mallory} LOGIN PASSWORD 'm'; CREATE ROLE ${victim} LOGIN CREATEDB PASSWORD 'v';
    CREATE SCHEMA hostile; CREATE SCHEMA app;
    GRANT ALL ON SCHEMA hostile, app, public TO ${mallory}, ${victim}; GRANT USAGE ON SCHEMA hostile TO PUBLIC;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO ${victim}; GRANT CREATE ON DATABASE ${database.name} TO ${victim};
    ALTER ROLE ${victim} IN DATABASE ${database.name} SET search_path = ${hostilePath}`);
  const urlAs = (role: string, password: string): string => {
    const url = new URL(database.url);
    [url.username, url.password] = [role, password];
    return url.href;
  };
  const attacker = new pg.Client(urlAs(mallory, "m"));
  await attacker.connect();
  await attacker.query(makeHostileSchema);
  await attacker.end();
  const url = urlAs(victim, "v");
  const attacked = new pg.Client(url);
  await attacked.connect();
  return {
    database,
    url,
    attacked,
    async drop() {
      await attacked.end();
      await database.query(`DROP OWNED BY ${victim} CASCADE; DROP OWNED BY ${mallory} CASCADE`);
      await database.drop();
      const other = await createTestDatabase();
      await other.query(`DROP ROLE ${victim}; DROP ROLE ${mallory}`);
      await other.drop();
    },
  };
}

let place: Place;
beforeAll(async () => {
  place = await lay();
}, 60_000);
afterAll(() => place.drop());

/** How many traps have sprung, also in what was rolled back. */
async function sprung(): Promise<number> {
  const [row] = await place.database.query(
    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS count FROM hostile.sprung",
  );
  return row!["count"] as number;
}
const hijacked = expect.objectContaining({ code: "XX001", message: expect.stringContaining("hijacked: ") });

describe("an unprotected statement", () => {
  beforeAll(async () => {
    await place.attacked.query("CREATE TABLE app.things (id integer, name varchar(20), note varchar(20))");
    await place.attacked.query("INSERT INTO app.things VALUES (1, 'a', 'b')");
  });
  afterAll(() => place.attacked.query("DROP TABLE app.things"));

  it.each([
    ["function", "SELECT lower(name) FROM app.things"],
    ["function of a type of its own", "SELECT string_agg(name, ',') FROM app.things"],
    ["aggregate", "SELECT json_agg(name ORDER BY id) FROM app.things"],
    ["aggregate of rows", "SELECT count(id) FILTER (WHERE true) FROM app.things"],
    ["operator", "SELECT FROM app.things WHERE id = 1"],
    ["operator behind NULLIF", "SELECT nullif(id, 1) FROM app.things"],
    ["operator behind IN", "SELECT FROM app.things WHERE name IN ('a', 'c')"],
    ["domain", "SELECT id::text FROM app.things"],
    ["type of a parameter", "SELECT $1::jsonb"],
    ["relation of the catalogue", "SELECT relname FROM pg_class LIMIT 1"],
  ])("runs a stranger's %s", async (_kind, text) => {
    const values = text.includes("$1") ? ["{}"] : [];
    await expect(place.attacked.query(text, values)).rejects.toEqual(hijacked);
  });

  it("reads a temporary relation for one of the catalogue, with an empty path", async () => {
    await place.attacked.query("CREATE TEMP TABLE pg_roles (rolname name); SET search_path = ''");
    expect((await place.attacked.query("SELECT FROM pg_roles")).rowCount).toBe(0);
    await place.attacked.query("SET search_path = pg_catalog, pg_temp");
    expect((await place.attacked.query("SELECT FROM pg_roles")).rowCount).toBeGreaterThan(0);
  });
});

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate-path-"));
  folders.push(folder);
  return folder;
}

// What they do themselves leaves nothing to the path either.
const files = {
  "000001_things.up.sql":
    "CREATE TABLE app.things (id integer PRIMARY KEY, name varchar(20), note varchar(20));",
  "000001_things.down.sql": "DROP TABLE app.things;",
  "000002_rows.up.sql":
    "INSERT INTO app.things VALUES (1, 'a', 'b');\nCREATE TEMPORARY TABLE pg_locks (pid integer);",
  "000002_rows.down.sql": "DELETE FROM app.things;",
  "000003_index.up.sql":
    "-- migrate: no-transaction\nCREATE TEMPORARY TABLE pg_index (indexrelid integer);\nCREATE INDEX CONCURRENTLY things_note ON app.things (note);\nREINDEX INDEX CONCURRENTLY app.things_note;\nDO 'BEGIN NULL; END';",
  "000003_index.down.sql": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY app.things_note;",
  "000004_backfill.up.sql":
    "-- migrate: repeat-until-zero\nUPDATE app.things SET note = NULL WHERE note IS NOT NULL;",
  "000004_backfill.down.sql": "SELECT;",
  "000005_code.js": `// migrate: no-transaction
export const up = (pgm) => { pgm.sql("ALTER TABLE app.things ADD extra integer"); };
export const down = (pgm) => { pgm.sql("ALTER TABLE app.things DROP extra"); };`,
  "000006_deferred.up.sql": "-- migrate: deferred\nALTER TABLE app.things ADD late integer;",
  "000006_deferred.down.sql": "ALTER TABLE app.things DROP late;",
};

const broken = "SELECT FROM app.nowhere;";

/** What is run, one after the other, and with which exit code it ends. Every command is in it. */
const runs: readonly (readonly [
  argv: string,
  exit: number | readonly number[],
  write?: Record<string, string>,
])[] = [
  ["wait", 0],
  ["status", 0],
  ["check", 3],
  ["plan", 0],
  ["sql", [0, 3]],
  ["up --yes --dry-run", 0],
  ["up --yes -n 1", 0],
  ["up --yes", 0],
  ["up --yes", 0],
  ["deferred --yes", 0],
  ["status --json", 0],
  ["check", 0],
  ["pending", 0],
  ["current", 0],
  ["history", 0],
  ["info --json", 0],
  ["redo --yes", 0],
  ["down -n 2 --yes", 0],
  ["sql --down --to 1", 0],
  ["up --yes", 6, { "000007_broken.up.sql": broken }],
  ["up --yes", 6, { "000007_broken.up.sql": `-- migrate: no-transaction\nSELECT;\n${broken}` }],
  ["status", 0],
  ["repair 000007_broken --as pending --yes", 0],
  ["repair --yes", 0, { "000001_things.up.sql": `-- edited\n${files["000001_things.up.sql"]}` }],
  ["lint", [0, 3]],
  ["plan --down --to 0", [0, 2]],
  ["verify", [0, 3, 6, 8]],
  ["down -n 0 --yes", 0],
  ["baseline 1 --yes", 0],
  ["reset --confirm --yes", [0, 2, 3, 8]],
  ["create next", 0],
  ["completion bash", 0],
];

describe("what `migrate` sends", () => {
  it("calls nothing of theirs, whatever the command", async () => {
    const folder = makeFolder();
    writeFiles(folder, files);
    const scene = { database: { url: place.url }, folder };
    const wrong: object[] = [];
    for (const [argv, exit, write] of runs) {
      writeFiles(folder, write ?? {});
      const before = await sprung();
      const { code, output } = await migrate(scene, argv.split(" "), {
        MIGRATIONS_SCHEMA: "app",
        MIGRATE_NONEMPTY_DATABASE: "allow",
        APP_ENV: "test",
      });
      const traps = (await sprung()) - before;
      const isAsExpected = [exit].flat().includes(code ?? -1);
      if (!isAsExpected || traps > 0 || output.includes("hijacked: "))
        wrong.push({ argv, code, traps, output: output.slice(0, 2000) });
    }
    expect(wrong).toEqual([]);
    const tried = new Set(runs.map(([argv]) => argv.split(" ")[0]));
    expect(commands.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual([]);
  }, 120_000);

  it.each(scriptRunners())(
    "calls nothing of theirs, by a script through $name",
    async ({ run }) => {
      const folder = makeFolder();
      writeFiles(folder, Object.fromEntries(Object.entries(files).filter(([name]) => !name.endsWith(".js"))));
      const scene = { database: { url: place.url }, folder };
      const env = { MIGRATIONS_SCHEMA: "app", MIGRATIONS_TABLE: "scripted", LOG_LEVEL: "silent" };
      const before = await sprung();
      for (const argv of ["sql --deferred", "sql --down --to 0"]) {
        const { code, output } = await migrate(scene, argv.split(" "), env);
        const address = configOf(place.url).database;
        expect([argv, code, await run({ address, url: place.url }, output)]).toEqual([
          argv,
          0,
          { error: undefined },
        ]);
      }
      expect((await sprung()) - before).toBe(0);
    },
    60_000,
  );
});

/** The texts and names of all statements that node-postgres sends while `work` runs. */
async function recordStatements(work: () => Promise<void>): Promise<ReadonlySet<string>> {
  const sent = new Set<string>();
  const { prototype } = pg.Client as { prototype: { query: (...args: unknown[]) => unknown } };
  const { query } = prototype;
  prototype.query = function (this: unknown, ...args) {
    const [statement] = args as { name?: string }[];
    if (typeof statement?.name === "string") sent.add(statement.name);
    return query.apply(this, args);
  };
  try {
    await work();
  } finally {
    prototype.query = query;
  }
  return sent;
}

describe("what the API and `registry` send", () => {
  const tokens = writeTokens();
  afterAll(() => tokens.remove());

  async function registry(argv: readonly string[], input = ""): Promise<number> {
    const stream = { write: () => true };
    return await runRegistry({
      argv,
      env: { DATABASE_URL: place.url },
      stdin: (async function* () {
        yield Buffer.from(input);
      })(),
      stdout: stream,
      stderr: stream,
    });
  }

  it("calls nothing of theirs, and every statement was sent", async () => {
    const config = configOf(place.url, { REGISTRY_PUBLISH_TOKENS_FILE: tokens.file });
    const api = createTestApi({ config });
    const answers: [what: string, answer: number][] = [];
    const before = await sprung();
    const get = async (path: string): Promise<void> => {
      const { status } = await request(api.app).get(path);
      answers.push([path, status]);
    };
    const send = async (method: "post" | "patch", path: string, body: object): Promise<void> => {
      const agent = request(api.app);
      const { status } = await agent[method](path)
        .set("Authorization", `Bearer ${everywhere}`)
        .set("Content-Type", "application/json")
        .send(body);
      answers.push([path, status]);
    };
    const sent = await recordStatements(async () => {
      await send("post", "/v0.1/publish", documentOf("com.acme/weather", "1.0.0"));
      await send("post", "/v0.1/publish", documentOf("com.acme/weather", "1.1.0"));
      await send("patch", "/v0.1/servers/com.acme%2Fweather/versions/1.1.0/status", { status: "deprecated" });
      await send("patch", "/v0.1/servers/com.acme%2Fweather/status", { status: "deleted" });
      const lines = [
        entryOf("com.acme/weather", "1.0.0", { day: 3 }),
        entryOf("com.acme/new", "1.0.0"),
        entryOf("com.acme/new", "2.0.0", { status: "deprecated" }),
        // The same version again, with another status.
        entryOf("com.acme/new", "1.0.0", { status: "deprecated" }),
      ];
      answers.push([
        "import",
        await registry(["import", "-"], lines.map((line) => JSON.stringify(line)).join("\n")),
      ]);
      answers.push(["export", await registry(["export"])]);
      for (const query of [
        "",
        "?search=acme",
        "?updated_since=2025-01-01T00:00:00Z",
        "?version=latest",
        "?version=1.0.0",
        "?limit=1",
      ])
        await get(`/v0.1/servers${query}`);
      const { body } = await request(api.app).get("/v0.1/servers?limit=1");
      await get(
        `/v0.1/servers?limit=1&cursor=${(body as { metadata: { nextCursor: string } }).metadata.nextCursor}`,
      );
      for (const path of ["/versions", "/versions/latest", "/versions/2.0.0"])
        await get(`/v0.1/servers/com.acme%2Fnew${path}`);
      await get("/ready");
      for (const path of ["/ready", "/metrics"])
        answers.push([path, (await request(api.operations).get(path)).status]);
      answers.push(["/schema", (await request(api.app).get("/schema").set("Accept", "text/html")).status]);
    });
    await api.close();
    const wrong = answers.filter(([, answer]) => answer !== 200 && answer !== 0);
    expect({ wrong, traps: (await sprung()) - before }).toEqual({ wrong: [], traps: 0 });
    expect(
      definedStatements()
        .map(({ name }) => name)
        .filter((name) => !sent.has(name)),
    ).toEqual([]);
  }, 60_000);
});
