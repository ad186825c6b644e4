import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "@jest/globals";
import { runMigrate } from "../../../../scripts/migrate/run.ts";
import type { Session } from "../../../database/session.ts";
import { assertAnswer } from "../../support/answer-schemas.ts";
import { itUnless } from "../../support/it-unless.ts";
import { runProgram } from "../../support/run-program.ts";
import { createTestDatabase, withTestSession, type TestDatabase } from "../../support/test-database.ts";
import type { Act, Files, HostileCase, Scene } from "./hostile-case.ts";

const usualDeadline = 20_000;

/** A test for each case, with a database and a folder of its own that go away whatever happens. */
export function performAll(group: string, cases: readonly HostileCase[]): void {
  describe(group, () => {
    for (const hostile of cases) {
      itUnless(hostile.skip)(
        hostile.title,
        () => perform(hostile),
        (hostile.deadline ?? usualDeadline) * (hostile.acts.length + 1),
      );
    }
  });
}

async function perform({ files, acts, as = "here", deadline = usualDeadline }: HostileCase): Promise<void> {
  await withScene(async (scene) => {
    writeFiles(scene.folder, files);
    await withTestSession(scene.database.address, async (session) => {
      for (const act of acts) await performAct(scene, session, act, as, deadline);
    });
  });
}

/** An empty database and an empty folder for `work`. Dropping the database ends what a run that hangs still has open. */
export async function withScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-hostile-"));
  const database = await createTestDatabase();
  try {
    await work({ database, folder });
  } finally {
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  }
}

export function writeFiles(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

async function performAct(
  scene: Scene,
  session: Session,
  act: Act,
  as: "process" | "here",
  deadline: number,
): Promise<void> {
  for (const name of act.remove ?? []) rmSync(join(scene.folder, name), { recursive: true });
  writeFiles(scene.folder, act.write ?? {});
  const leave = await act.prepare?.(scene);
  const { code, output } = await withDeadline(
    act.act,
    deadline,
    migrate(scene, act.argv, act.env, as),
  ).finally(leave ?? null);
  const seen = await look(session, act);
  const missing = (act.says ?? []).filter((part) => !contains(output, part));
  const unwanted = (act.neverSays ?? []).filter((part) => contains(output, part));
  const asExpected = code === act.exit && missing.length + unwanted.length === 0;
  const { applied, runs, objects, rows } = act;
  expect({ act: act.act, exit: code, missing, unwanted, ...seen, output: asExpected ? "" : output }).toEqual({
    act: act.act,
    exit: act.exit,
    missing: [],
    unwanted: [],
    ...withoutUndefined({ applied, runs, objects: objects?.toSorted(), rows }),
    output: "",
  });
}

/** Runs `migrate` on the scene, in this process or in one of its own; what it writes to both streams is put together. */
export async function migrate(
  { database, folder }: Pick<Scene, "folder"> & { readonly database: Pick<TestDatabase, "url"> },
  argv: readonly string[] = ["up", "--yes"],
  env: Readonly<Record<string, string>> = {},
  as: "process" | "here" = "here",
): Promise<{ code: number | undefined; output: string }> {
  const environment = { DATABASE_URL: database.url, MIGRATIONS_DIR: folder, LOG_FORMAT: "pretty", ...env };
  if (as === "process") {
    const { code, stdout, stderr } = await runProgram("migrate", { args: argv, env: environment });
    return { code, output: stdout + stderr };
  }
  let output = "";
  let answer = "";
  const collect = (also?: (text: string) => void): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        output += chunk.toString("utf8");
        also?.(chunk.toString("utf8"));
        done();
      },
    });
  const code = await runMigrate(argv, {
    env: environment,
    stdin: Readable.from([]),
    stdout: collect((text) => (answer += text)),
    stderr: collect(),
    signal: new AbortController().signal,
  });
  assertAnswer(argv, code, answer);
  return { code, output };
}

/** Nothing may hang: who does not answer in time is named. */
export async function withDeadline<T>(what: string, milliseconds: number, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const alarm = sleep(milliseconds, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${what}: no answer within ${milliseconds} ms`);
  });
  return await Promise.race([work, alarm]).finally(() => {
    over.abort();
    alarm.catch(() => undefined);
  });
}

function contains(text: string, part: string | RegExp): boolean {
  return typeof part === "string" ? text.includes(part) : part.test(text);
}

/** What an act asks to look at, as it is in the database. */
async function look({ client }: Session, { applied, runs, objects, rows }: Act): Promise<object> {
  const read = async (text: string): Promise<unknown[][]> =>
    (await client.query({ text, rowMode: "array" })).rows as unknown[][];
  const column = async (text: string): Promise<unknown[]> => (await read(text)).map(([value]) => value);
  const columnOf = async (table: string, text: string): Promise<unknown> =>
    (await column(`SELECT to_regclass('${table}') IS NOT NULL`))[0] === true
      ? await column(text)
      : "no table";
  const answers: [string, unknown[][]][] = [];
  for (const text of Object.keys(rows ?? {})) answers.push([text, await read(text)]);
  return withoutUndefined({
    applied: applied && (await columnOf("public.schema_migrations", appliedQuery)),
    runs: runs && (await columnOf("public.schema_migration_runs", runsQuery)),
    objects: objects && (await column(objectsQuery)),
    rows: rows && Object.fromEntries(answers),
  });
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

const appliedQuery =
  "SELECT name FROM public.schema_migrations ORDER BY substring(name FROM '^\\d+')::numeric";
const runsQuery =
  "SELECT name || ' ' || direction || ' ' || state FROM public.schema_migration_runs ORDER BY id";

/** The whole catalogue but for the ledger and what belongs to something else (array types, sequences, toast). */
const objectsQuery = `
  SELECT line FROM (
    SELECT CASE c.relkind WHEN 'r' THEN '' WHEN 'p' THEN '' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'view ' WHEN 'S' THEN 'sequence '
                          WHEN 'i' THEN CASE WHEN i.indisvalid THEN 'index ' ELSE 'INVALID index ' END ELSE c.relkind::text || ' ' END
           || CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS line
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
     WHERE n.nspname !~ '^(pg_|information_schema)' AND c.relname !~ '^schema_migration' AND c.relkind <> 'c'
    UNION ALL SELECT 'function ' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^(pg_|information_schema)'
    UNION ALL SELECT 'enum ' || t.typname FROM pg_type t WHERE t.typtype = 'e'
    UNION ALL SELECT 'rule ' || r.rulename FROM pg_rewrite r WHERE r.rulename <> '_RETURN' AND r.oid >= 16384
  ) all_of_it ORDER BY line COLLATE "C"`;

/** Runs with `--json` and returns the one document. */
export async function ask(
  scene: Parameters<typeof migrate>[0],
  ...argv: string[]
): Promise<{ code: number | undefined; document: Record<string, unknown> }> {
  const { code, output } = await migrate(scene, [...argv, "--json"], { LOG_LEVEL: "silent" });
  return { code, document: JSON.parse(output) as Record<string, unknown> };
}
