import { imageRevision, version as headgateVersion } from "../version.ts";
import type { Directives } from "./directives.ts";
import type { RecordedError } from "./failure.ts";
import type { KnownMigration } from "./history.ts";
import type { AddedColumn, LedgerTables } from "./ledger-tables.ts";
import { storedDirectives, type StoredDirectives } from "./ledger.ts";
import { checksumOf, withLineFeeds } from "./migration-text.ts";
import { hostName, operatorName } from "./operator.ts";

/** How a run ended that did not succeed. */
export type Ending = "failed" | "stopped" | "interrupted";

/** What the ledger says of one run: written when it begins or, in a transaction, when it is complete. */
export interface RunRecord {
  readonly file: Pick<KnownMigration, "version" | "name" | "checksum" | "kind">;
  readonly direction: "up" | "down" | "baseline" | "repair" | "reset";
  readonly state: "running" | "applied" | "reverted" | "failed";
  readonly ending?: Ending | undefined;
  /** The run is half of a redo. */
  readonly intent?: "redo" | undefined;
  readonly upText: string | undefined;
  readonly downText: string | undefined;
  /** Texts that an earlier run of the same content has kept are not kept again. */
  readonly textsOnce?: boolean;
  readonly directives: Directives | StoredDirectives | undefined;
  readonly statementsDone: number;
  readonly statementsTotal: number | undefined;
  /** The statement, from 0, that an interrupted run had begun and this one takes up again. */
  readonly statementStarted?: number | undefined;
  /** Why a resume behind the statements that are done would be wrong; carried over from the run before. */
  readonly resumeBlocked?: string | undefined;
  readonly attempts: number;
  readonly waitedMs: number;
  /** `transaction`: when the transaction began that the record is written in, by the server's clock. */
  readonly startedAt: Date | "transaction";
  readonly error?: RecordedError | undefined;
}

/** Puts a value into a statement, as a parameter or a literal. */
export type Write = (value: string | number) => string;

/** Who writes a record: this process, or psql with a script of ours. */
export interface Author {
  /** SQL. */
  readonly host: (write: Write) => string;
  readonly operator: (() => string) | undefined;
}

const thisProcess: Author = { host: (write) => write(hostName()), operator: operatorName };

/** psql knows no host but that of its connection, and no user of the operating system. */
export const scriptAuthor: Author = {
  host: () => "coalesce(pg_catalog.host(pg_catalog.inet_client_addr()), 'local socket')",
  operator: undefined,
};

type Value = string | number | undefined | { readonly sql: string };

/** SQL, the row of a run. The one description of it: `up`, `repair`, `baseline` and `migrate sql` all write this. */
export function insertRunSql(
  tables: LedgerTables,
  run: RunRecord,
  write: Write,
  author: Author = thisProcess,
): string {
  const isRunning = run.state === "running";
  const elapsed = elapsedSince(run.startedAt, write);
  const { secret = false } = run.directives ?? {};
  const text = (column: "up_text" | "down_text", value: string | undefined): Value =>
    value === undefined || secret
      ? undefined
      : run.textsOnce === true
        ? { sql: unlessKept(tables, run, column, value, write) }
        : value;
  const columns: readonly (readonly [name: string, value: Value])[] = [
    ["version", run.file.version.toString()],
    ["name", run.file.name],
    ["kind", run.file.kind],
    ["direction", run.direction],
    ["state", run.state],
    ["checksum", run.file.checksum === "" ? undefined : run.file.checksum],
    ["up_text", text("up_text", run.upText)],
    ["down_text", text("down_text", run.downText)],
    ["down_checksum", run.downText === undefined ? undefined : checksumOf(withLineFeeds(run.downText))],
    ["directives", JSON.stringify(run.directives === undefined ? {} : storedDirectives(run.directives))],
    ["statements_done", run.statementsDone],
    ["statements_total", run.statementsTotal],
    ["attempts", run.attempts],
    ["waited_ms", Math.round(run.waitedMs)],
    ["ran_ms", isRunning ? undefined : { sql: `extract(epoch FROM ${elapsed}) * 1000` }],
    ["started_at", { sql: `pg_catalog.clock_timestamp() - ${elapsed}` }],
    ["finished_at", isRunning ? undefined : { sql: "pg_catalog.clock_timestamp()" }],
    ["host", { sql: author.host(write) }],
    ["headgate_version", headgateVersion],
    ["image_revision", imageRevision()],
    ["error", run.error === undefined ? undefined : JSON.stringify(run.error)],
    ["statement_started", run.statementStarted],
    ...addedValues(tables, run, author),
  ];
  const given = columns.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === "object" ? value.sql : write(value)] as const],
  );
  return `INSERT INTO ${tables.runs} (${given.map(([name]) => name).join(", ")}) VALUES (${given.map(([, expression]) => expression).join(", ")})`;
}

/** Values of the columns that the ledger has only since a later release. */
function addedValues(
  { columns }: LedgerTables,
  run: RunRecord,
  { operator }: Author,
): (readonly [AddedColumn, Value])[] {
  const isRunning = run.state === "running";
  const backendStart =
    "(SELECT a.backend_start FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid())";
  const values: readonly (readonly [AddedColumn, Value])[] = [
    ["operator", operator?.()],
    ["ending", run.ending],
    ["intent", run.intent],
    ["resume_blocked", run.resumeBlocked],
    ["backend_pid", isRunning ? { sql: "pg_catalog.pg_backend_pid()" } : undefined],
    ["backend_start", isRunning ? { sql: backendStart } : undefined],
  ];
  return values.filter(([name]) => columns.has(name));
}

/** SQL, the text, or NULL where a run of the same migration has kept the same one. */
function unlessKept(
  { runs }: LedgerTables,
  { file: { name, checksum } }: RunRecord,
  column: "up_text" | "down_text",
  value: string,
  write: Write,
): string {
  const [of, sum] =
    column === "up_text" ? ["checksum", checksum] : ["down_checksum", checksumOf(withLineFeeds(value))];
  return `CASE WHEN EXISTS (SELECT FROM ${runs} k WHERE k.name = ${write(name)}::text AND k.${of} = ${write(sum)}::text AND k.${column} IS NOT NULL) THEN NULL ELSE ${write(value)}::text END`;
}

/** SQL, how long the run takes by now, as an interval. */
function elapsedSince(startedAt: RunRecord["startedAt"], write: Write): string {
  return startedAt === "transaction"
    ? "(pg_catalog.clock_timestamp() - pg_catalog.now())"
    : `pg_catalog.make_interval(secs => ${write((Date.now() - startedAt.getTime()) / 1000)})`;
}
