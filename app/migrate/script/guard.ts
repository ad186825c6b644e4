import { ledgerDefinition, type LedgerTables } from "../ledger-tables.ts";
import { fromUnfinished } from "../ledger.ts";
import { block, literal, literalArray } from "./quoting.ts";

/** What must be true of a database for a script to be the right one. */
export interface Expectation {
  /** Applied names, without which the script would begin in the middle. */
  readonly applied: readonly string[];
  /** Names that must not be applied yet. */
  readonly absent: readonly string[];
  /** Other names that may be applied. Any other would be passed over out of order. */
  readonly tolerated: readonly string[];
  /** How many statements of a half-done migration are behind it, by name. */
  readonly resumed: ReadonlyMap<string, number>;
}

/**
 * SQL, the key of the advisory lock that `lockKey` computes. The name of the database goes into it, which only the
 * server knows on which the script is run; to_json writes it as JSON.stringify does.
 */
export function lockKeyInSql({ schema, migrationsName }: LedgerTables): string {
  const [before, after] = [`["headgate",`, `,${JSON.stringify(schema)},${JSON.stringify(migrationsName)}]`];
  const text = `${literal(before)} || pg_catalog.to_json(pg_catalog.current_database()::text)::text || ${literal(after)}`;
  const digest = `pg_catalog.sha256(pg_catalog.convert_to(${text}, 'UTF8'))`;
  return `('x' || pg_catalog.encode(pg_catalog.substr(${digest}, 1, 8), 'hex'))::bit(64)::bigint`;
}

/**
 * Takes the migration lock, or gives up after `budget` milliseconds. Commits between two tries: a transaction that lasts
 * while it waits holds a snapshot, and the holder's CREATE INDEX CONCURRENTLY would wait for that.
 */
export function takeLock(tables: LedgerTables, budget: number): string {
  return block(
    `  WHILE NOT pg_catalog.pg_try_advisory_lock(key) LOOP
    IF pg_catalog.clock_timestamp() > deadline THEN
      RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'headgate: the migration lock was not obtained; another runner holds it';
    END IF;
    COMMIT;
    PERFORM pg_catalog.pg_sleep(0.2);
    COMMIT;
  END LOOP;`,
    `key bigint := ${lockKeyInSql(tables)}; deadline timestamptz := pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => ${budget / 1000});`,
  );
}

export function releaseLock(tables: LedgerTables): string {
  return block(`  PERFORM pg_catalog.pg_advisory_unlock(${lockKeyInSql(tables)});`);
}

/** Makes what is missing of the ledger, all of it or nothing. */
export function makeLedger(tables: LedgerTables): string {
  const { schema, migrations, uniqueNames, runs } = ledgerDefinition(tables);
  const unless = (found: string, statements: readonly string[]): string =>
    `  IF ${found} IS NULL THEN\n${statements.map((text) => `    ${text};`).join("\n")}\n  END IF;`;
  return block(
    [
      unless(`to_regnamespace(${literal(`"${tables.schema.replaceAll('"', '""')}"`)})`, [schema]),
      unless(`to_regclass(${literal(tables.migrations)})`, [migrations, uniqueNames]),
      unless(`to_regclass(${literal(tables.runs)})`, runs),
    ].join("\n"),
  );
}

/** Stops a script that meets another history than the one it was made for. */
export function assertHistory({ migrations, runs }: LedgerTables, expectation: Expectation): string {
  const { applied, absent, tolerated, resumed } = expectation;
  const advice = "make the script again with `migrate sql`";
  const refuse = (query: string, what: string): string => `  ${query};
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING MESSAGE = 'headgate: ' || found || ${literal(` ${what}; ${advice}`)};
  END IF;`;
  const names = [...absent, ...applied];
  const asPlanned = [...resumed].map(
    ([name, done]) => `(u.name = ${literal(name)} AND u.statements_done = ${done})`,
  );
  const list = "SELECT pg_catalog.string_agg(e.name, ', ') INTO found FROM";
  return block(
    [
      ...(absent.length === 0
        ? []
        : [
            refuse(
              `${list} ${migrations} e WHERE e.name = ANY (${literalArray(absent)})`,
              "applied already, and this script was made before that",
            ),
          ]),
      ...(applied.length === 0
        ? []
        : [
            refuse(
              `${list} pg_catalog.unnest(${literalArray(applied)}) AS e (name) WHERE e.name NOT IN (SELECT m.name FROM ${migrations} m)`,
              "not applied, and this script was made for a database where it is",
            ),
          ]),
      refuse(
        `${list} ${migrations} e WHERE e.name <> ALL (${literalArray([...names, ...tolerated])})`,
        "applied, and this script was made for a database without it",
      ),
      refuse(
        `SELECT pg_catalog.string_agg(u.name, ', ') INTO found ${fromUnfinished(runs)} AND u.name = ANY (${literalArray(names)})${asPlanned.length === 0 ? "" : ` AND NOT (${asPlanned.join(" OR ")})`}`,
        "half-done, and this script was not made to go on there",
      ),
    ].join("\n"),
    "found text;",
  );
}
