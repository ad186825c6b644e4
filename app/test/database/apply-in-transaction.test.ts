import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { closeSession, openSession, type Session } from "../../database/session.ts";
import { queryTogether, rollBack } from "../../database/transaction.ts";
import { applyInTransaction, type Handover } from "../../migrate/apply-in-transaction.ts";
import { parseDirectives } from "../../migrate/directives.ts";
import type { MigrationEvent } from "../../migrate/events.ts";
import { ensureLedger } from "../../migrate/ensure-ledger.ts";
import { ledgerTables } from "../../migrate/ledger-tables.ts";
import { lockKey, tryLock } from "../../migrate/lock.ts";
import type { PreparedMigration } from "../../migrate/prepare.ts";
import type { RunContext } from "../../migrate/run-context.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let session: Session;
let context: RunContext;
let events: MigrationEvent[];

beforeEach(async () => {
  database = await createTestDatabase();
  session = await openSession(database.address, "test", 10_000);
  const tables = await ensureLedger(session.client, ledgerTables(database.config));
  const key = lockKey(database.name, tables);
  await tryLock(session, key);
  events = [];
  context = {
    session,
    tables,
    lockKey: key,
    lockTimeout: 1000,
    retries: 0,
    waitedMs: 0,
    listener: (event) => void events.push(event),
  };
});
afterEach(async () => {
  await closeSession(session);
  await database.drop();
});

/** As `prepareText` would have it, had it overlooked what is in the text. */
function migrationOf(name: string, text: string): PreparedMigration {
  const file = {
    version: BigInt(Number.parseInt(name, 10)),
    versionText: /^\d+/.exec(name)![0],
    name,
    kind: "sql" as const,
    upPath: `${name}.up.sql`,
    downPath: undefined,
    checksum: "0".repeat(64),
    deferred: false,
  };
  return {
    file,
    direction: "up",
    path: file.upPath,
    text,
    source: text,
    directives: parseDirectives(text, "sql", file.upPath, []),
    statements: undefined,
    parseFailure: undefined,
    keepsNobodyWaiting: false,
    warnings: [],
  };
}

async function apply(text: string, next?: PreparedMigration): Promise<Handover> {
  const handover: Handover = {
    next: next && { migration: next, texts: { up: next.source, down: undefined } },
    ready: undefined,
  };
  await applyInTransaction(context, migrationOf("1_first", text), { up: text, down: undefined }, handover);
  return handover;
}

async function recorded(): Promise<unknown[]> {
  const rows = await database.query(
    `SELECT m.name, r.up_text AS text, r.state FROM schema_migrations m FULL JOIN schema_migration_runs r ON r.name = m.name ORDER BY r.id`,
  );
  return rows;
}

const second = migrationOf("2_second", "CREATE TABLE b ()");

describe("a migration whose record is sent before the server has run it", () => {
  it.each([
    ["COMMIT", "CREATE TABLE a (); COMMIT; CREATE TABLE b ()"],
    ["COMMIT, and begins another", "CREATE TABLE a (); COMMIT; BEGIN; SELECT pg_current_xact_id()"],
    ["ROLLBACK", "CREATE TABLE a (); ROLLBACK"],
    ["COMMIT, and resets what it can", "COMMIT; RESET ALL"],
  ])("is not recorded when it ends its transaction by %s", async (_how, text) => {
    await expect(apply(text, second)).rejects.toMatchObject({
      code: "migration-failed",
      details: { endedTransaction: true },
    });
    expect(await recorded()).toEqual([]);
    expect(session.client.getTransactionStatus()).toBe("I");
  });

  it("is not committed when it fails, and nothing behind it is", async () => {
    await expect(apply("CREATE TABLE a (); SELECT 1 / 0", second)).rejects.toMatchObject({
      name: "TextFailure",
      completed: 1,
      cause: { code: "22012" },
    });
    expect(await recorded()).toEqual([]);
    expect(await database.query("SELECT to_regclass('a') AS a")).toEqual([{ a: null }]);
    expect(session.client.getTransactionStatus()).toBe("I");
  });

  it("fails with what COMMIT says of a deferred constraint", async () => {
    const text =
      "CREATE TABLE a (id int PRIMARY KEY, other int REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO a VALUES (1, 2)";
    await expect(apply(text, second)).rejects.toMatchObject({ code: "23503" });
    expect(await recorded()).toEqual([]);
    expect(session.client.getTransactionStatus()).toBe("I");
  });

  it("says so when it has dropped the ledger", async () => {
    await expect(apply("DROP TABLE schema_migration_runs")).rejects.toMatchObject({
      code: "migration-failed",
      message: expect.stringContaining("dropped Headgate's ledger"),
    });
    expect(await recorded()).toEqual([]);
  });

  it("is run again when it has given up the lock, and said once", async () => {
    await apply("SELECT pg_advisory_unlock_all(); CREATE TABLE a ()", second);
    expect(await recorded()).toMatchObject([{ name: "1_first", state: "applied" }]);
    expect(events).toEqual([
      {
        type: "warning",
        name: "1_first",
        text: "1_first released the migration lock (pg_advisory_unlock_all or DISCARD ALL?); it was taken again at once. Take that statement out.",
      },
    ]);
  });

  it.each(["RESET ALL", "SET client_encoding = 'LATIN1'", "SET standard_conforming_strings = off"])(
    "is recorded as it stands in its file after %s",
    async (setting) => {
      const text = String.raw`${setting}; CREATE TABLE a (); -- größer\n 😀`;
      await apply(text);
      expect(await recorded()).toEqual([{ name: "1_first", text, state: "applied" }]);
    },
  );

  it("leaves a transaction open for the next one, in a clean session", async () => {
    const { ready } = await apply("SET search_path = pg_catalog; CREATE TABLE public.a ()", second);
    expect(ready).toMatchObject({ migration: second, held: true });
    const { rows } = await session.client.query(
      "SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS patience, current_setting('client_min_messages') AS notices, pg_current_xact_id()::text AS xid",
    );
    expect(rows).toEqual([{ path: '"$user", public', patience: "1s", notices: "notice", xid: ready!.xid }]);
    expect(await recorded()).toHaveLength(1);
  });

  it("is waited for once when its transaction is open already", async () => {
    const handover = await apply("CREATE TABLE a ()", second);
    const { stream } = (session.client as unknown as { connection: { stream: Socket } }).connection;
    const writes = [
      jest.spyOn(stream as Required<Socket>, "_writev"),
      jest.spyOn(stream as Required<Socket>, "_write"),
    ];
    const { source: up } = second;
    await applyInTransaction(
      context,
      second,
      { up, down: undefined },
      { next: undefined, ready: handover.ready },
    );
    expect(writes.map(({ mock }) => mock.calls.length)).toEqual([1, 0]);
    expect(await recorded()).toHaveLength(2);
  });

  it("leaves none for one that runs outside a transaction, or in code", async () => {
    const outside = migrationOf("2_second", "-- migrate: no-transaction\nSELECT 1");
    expect((await apply("CREATE TABLE a ()", outside)).ready).toBeUndefined();
    expect(session.client.getTransactionStatus()).toBe("I");
  });
});

describe("rollBack", () => {
  it("ends a transaction whose failure was told before the server said where that leaves it", async () => {
    for (let turn = 0; turn < 50; turn++) {
      await expect(queryTogether(session, ["BEGIN", "SELECT 1 / 0"])).rejects.toMatchObject({
        code: "22012",
      });
      await rollBack(session);
      expect((await session.client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    }
  });

  it("sends nothing where no transaction is open", async () => {
    const notices: unknown[] = [];
    session.onNotice((notice) => notices.push(notice));
    await expect(queryTogether(session, ["SELECT 1 / 0"])).rejects.toMatchObject({ code: "22012" });
    await rollBack(session);
    await session.client.query("SELECT 1");
    expect(notices).toEqual([]);
  });
});
