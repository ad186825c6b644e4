import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createLog } from "../../log.ts";
import { createEventLog } from "../../migration-log.ts";
import { ensureLedger } from "../../migrate/ensure-ledger.ts";
import { lockKey, tryLock } from "../../migrate/lock.ts";
import { prepareText } from "../../migrate/prepare.ts";
import { runSteps, type Step } from "../../migrate/run-steps.ts";
import { closeSession, openSession, type Session } from "../../database/session.ts";
import { nameBlockers } from "../../migrate/blockers.ts";
import type { MigrationEvent } from "../../migrate/events.ts";
import { readFromLedger, setLedgerPatience } from "../../migrate/ledger-wait.ts";
import { ledgerTables, type LedgerTables } from "../../migrate/ledger-tables.ts";
import { createWatcher, type Watcher } from "../../migrate/watch.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let database: TestDatabase;
let session: Session;
let others: Session[];
let watcher: Watcher;
let events: MigrationEvent[];
let prepared: string[];

/** The first look comes after a third of that, in milliseconds. */
const lockTimeout = 30;
const name = "000001_watched";

beforeEach(async () => {
  database = await createTestDatabase();
  [others, events, prepared] = [[], [], []];
  session = await other();
  watcher = createWatcher(session, lockTimeout, (event) => void events.push(event));
  await session.client.query("CREATE TABLE public.things (id integer PRIMARY KEY, note text)");
  await session.client.query("INSERT INTO public.things VALUES (1, 'a')");
});
afterEach(async () => {
  await watcher.close();
  for (const gid of prepared) await database.query(`ROLLBACK PREPARED '${gid}'`);
  await Promise.all(others.map(closeSession));
  await database.drop();
});

async function other(): Promise<Session> {
  const opened = await openSession(database.address, "test", 10_000);
  others.push(opened);
  return opened;
}

/** Leaves a prepared transaction behind. */
async function prepare(statement: string): Promise<string> {
  const gid = `it's ${randomBytes(4).toString("hex")}`;
  const { client } = await other();
  const quoted = gid.replaceAll("'", "''");
  await client.query("BEGIN");
  await client.query(statement);
  await client.query(`PREPARE TRANSACTION '${quoted}'`);
  prepared.push(quoted);
  return gid;
}

async function settle(quoted: string): Promise<void> {
  prepared = prepared.filter((gid) => gid !== quoted);
  await database.query(`ROLLBACK PREPARED '${quoted}'`);
}

type EventOf<T extends MigrationEvent["type"]> = Extract<MigrationEvent, { type: T }>;

async function seen<T extends MigrationEvent["type"]>(
  type: T,
  which: (event: EventOf<T>) => boolean = () => true,
): Promise<EventOf<T>> {
  return await waitForCondition(
    `an event "${type}"`,
    () => events.find((event): event is EventOf<T> => event.type === type && which(event as EventOf<T>)),
    { timeout: 10_000 },
  );
}

describe("a prepared transaction in the way", () => {
  it.each([
    ["of a table", "LOCK TABLE public.things IN SHARE MODE", "ALTER TABLE public.things ADD extra integer"],
    ["of a row", "UPDATE public.things SET note = 'b'", "UPDATE public.things SET note = 'c'"],
    [
      "of an index that is built concurrently",
      "UPDATE public.things SET note = 'b'",
      "CREATE INDEX CONCURRENTLY things_note ON public.things (note)",
    ],
  ])("%s is named, and no other one", async (_what, theirs, ours) => {
    // Nobody waits for this one.
    const innocent = await prepare("SELECT pg_catalog.pg_advisory_xact_lock(1)");
    const gid = await prepare(theirs);
    watcher.watch(name);
    const run = session.client.query(ours);
    const { blockers } = await seen("blocked");
    expect(blockers).toEqual([
      {
        pid: 0,
        state: "prepared",
        query: "",
        age: expect.any(Number),
        applicationName: null,
        prepared: { gid, owner: decodeURIComponent(new URL(database.url).username) },
      },
    ]);
    expect(nameBlockers(blockers)).toMatch(
      /^prepared transaction 'it''s [0-9a-f]{8}' \(of \S+, for \d+ s; COMMIT PREPARED or ROLLBACK PREPARED ends it\)$/,
    );
    await settle(gid.replaceAll("'", "''"));
    await run;
    expect(prepared).toEqual([innocent.replaceAll("'", "''")]);
  });

  it("that only reads the table is left out where its lock is no obstacle", async () => {
    await prepare("SELECT FROM public.things");
    const gid = await prepare("LOCK TABLE public.things IN ROW EXCLUSIVE MODE");
    watcher.watch(name);
    const run = session.client.query("CREATE INDEX things_note ON public.things (note)");
    const { blockers } = await seen("blocked");
    expect(blockers.map((blocker) => blocker.prepared?.gid)).toEqual([gid]);
    await settle(gid.replaceAll("'", "''"));
    await run;
  });
});

describe("a prepared transaction that holds the ledger", () => {
  it("is named in the refusal, with what ends it", async () => {
    await database.query("CREATE TABLE public.schema_migrations (id int, name text, run_on timestamp)");
    const gid = await prepare("LOCK TABLE public.schema_migrations");
    const tables = { migrations: "public.schema_migrations", runs: "public.schema_migration_runs" };
    setLedgerPatience(session.client, { budget: 1, onWait: () => undefined });
    const quoted = gid.replaceAll("'", "''");
    await expect(
      readFromLedger(session.client, tables as LedgerTables, "SELECT FROM public.schema_migrations"),
    ).rejects.toMatchObject({
      code: "lock-not-obtained",
      message: expect.stringMatching(
        new RegExp(
          `it is locked by prepared transaction '${quoted}' .*COMMIT or ROLLBACK PREPARED '${quoted}'\\.$`,
        ),
      ),
    });
  });
});

describe("a statement that waits for whole transactions", () => {
  const reads = "BEGIN; SELECT FROM public.things";
  const snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 AS long_report";
  const partitioned =
    "CREATE TABLE public.parts (id integer) PARTITION BY LIST (id); CREATE TABLE public.part PARTITION OF public.parts FOR VALUES IN (1)";
  const index = "CREATE INDEX things_note ON public.things (note)";
  it.each([
    [
      "SELECT",
      snapshot,
      "CREATE INDEX CONCURRENTLY things_note ON public.things (note)",
      /^waiting for old snapshots, 1 of \d$/,
    ],
    [
      "SELECT",
      "BEGIN; UPDATE public.things SET note = 'b'",
      "CREATE INDEX CONCURRENTLY things_note ON public.things (note)",
      /^waiting for writers before build, 1 of \d$/,
    ],
    [
      index,
      snapshot,
      "REINDEX INDEX CONCURRENTLY public.things_note",
      /^waiting for old snapshots, 1 of \d$/,
    ],
    [index, reads, "DROP INDEX CONCURRENTLY public.things_note", /^waiting for its transaction to end$/],
    [
      partitioned,
      "BEGIN; SELECT FROM public.parts",
      "ALTER TABLE public.parts DETACH PARTITION public.part CONCURRENTLY",
      /^waiting for its transaction to end$/,
    ],
  ])("after %s; beside %s; %s says for whom and why", async (before, theirs, ours, phase) => {
    await session.client.query(before);
    const holder = await other();
    await holder.client.query(theirs);
    watcher.watch(name);
    const run = session.client.query(ours);
    const blocked = await seen("blocked", (event) => phase.test(event.phase ?? ""));
    expect(blocked.blockers).toMatchObject([{ pid: holder.backendPid, state: "idle in transaction" }]);
    if (phase.source.includes("1 of"))
      await seen(
        "index-progress",
        (event) =>
          phase.test(event.phase) &&
          event.percent === undefined &&
          event.blockers?.[0]?.pid === holder.backendPid,
      );
    await holder.client.query("ROLLBACK");
    await run;
  });
});

describe("a migration of which nothing was said for a while", () => {
  it.each([
    [
      "",
      /^000001_watched has been running for \d+ s: statement 2 of 2, waits for pid \d+ \(idle in transaction, for \d+ s: BEGIN; UPDATE/,
    ],
    ["-- migrate: secret\n", /^000001_watched has been running for \d+ s: statement 2 of 2, waits for pid/],
  ])("%s is said to run on, and what it waits for", async (directive, says) => {
    const holder = await other();
    await holder.client.query("BEGIN; UPDATE public.things SET note = 'b'");
    const lines: { level: string; message: string }[] = [];
    const log = createLog({
      level: "info",
      format: "json",
      stream: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
    });
    const tell = createEventLog(log);
    const tables = await ensureLedger(session.client, ledgerTables(database.config));
    const key = lockKey(database.name, tables);
    await tryLock(session, key);
    const text = `-- migrate: no-transaction\n${directive}SELECT;\nUPDATE public.things SET note = 'hunter2' WHERE true;\n`;
    const run = runSteps(
      {
        session,
        tables,
        lockKey: key,
        lockTimeout: 10_000,
        retries: 0,
        waitedMs: 0,
        silence: 100,
        listener(event) {
          events.push(event);
          tell(event);
        },
      },
      [await stepOf(text)],
    );
    const said = await seen("working", ({ blockers }) => blockers.length > 0);
    // Again and again.
    await seen("working", ({ elapsed }) => elapsed > said.elapsed);
    await holder.client.query("ROLLBACK");
    await expect(run).resolves.toMatchObject({ done: [{ name }], failed: undefined });
    expect(said).toMatchObject({
      name,
      state: "active",
      waitEvent: "Lock: transactionid",
      blockers: [{ pid: holder.backendPid }],
      statement: { number: 2, total: 2 },
    });
    const messages = lines.map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringMatching(says));
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|WHERE true/);
  });

  async function stepOf(text: string): Promise<Step> {
    const file = {
      version: 1n,
      versionText: "000001",
      name,
      kind: "sql" as const,
      upPath: `${name}.up.sql`,
      downPath: undefined,
      checksum: "0".repeat(64),
      deferred: false,
    };
    const problems: string[] = [];
    const migration = await prepareText(file, "up", file.upPath, { text }, problems);
    expect(problems).toEqual([]);
    return { migration, texts: { up: text, down: undefined }, unfinished: undefined };
  }
});
