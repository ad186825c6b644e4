import type { Finding, SeverityCounts } from "../lint/finding.ts";
import type { LockLevel } from "./lock-levels.ts";

/** What `migrate up` would do to a database. */
export interface Plan {
  readonly migrations: readonly PlannedMigration[];
  /** Pending migrations that `up` leaves out. */
  readonly deferred: readonly string[];
  readonly total: PlanTotal;
}

export interface PlanTotal {
  readonly migrations: number;
  /** Names of tables that exist and that a SELECT, or an INSERT, UPDATE or DELETE, has to wait for. */
  readonly readersWait: readonly string[];
  readonly writersWait: readonly string[];
  /** Bytes of the tables, once for each migration that does it. */
  readonly scannedBytes: number;
  readonly rewrittenBytes: number;
  /** Migrations of which something is decided when they run. */
  readonly undecided: readonly string[];
  /** What lint found. */
  readonly findings: SeverityCounts;
}

export interface PlannedMigration {
  readonly version: string;
  readonly name: string;
  readonly file: string;
  readonly kind: "sql" | "code";
  readonly directives: PlannedDirectives;
  /** `reverts`: it has a way down. `irreversible`: none, on purpose. */
  readonly down: "reverts" | "missing" | "irreversible";
  /** The statement, from 1, at which an interrupted run is taken up. */
  readonly resumesAt: number | null;
  /** The strongest that it does to each table. In a transaction a lock is kept to its end. */
  readonly tables: readonly PlannedTable[];
  readonly statements: readonly PlannedStatement[];
  readonly readersWait: boolean;
  readonly writersWait: boolean;
  /** What cannot be known beforehand; a clause each. */
  readonly undecided: readonly string[];
  readonly notes: readonly string[];
  /** What `migrate lint` says of the file. */
  readonly findings: readonly Finding[];
}

/** What is not given in the file is what the settings say. */
export interface PlannedDirectives {
  readonly noTransaction: boolean;
  readonly deferred: boolean;
  readonly breaking: boolean;
  readonly irreversible: string | null;
  readonly repeatUntilZero: { readonly pauseMs: number } | null;
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number | null;
  readonly retries: number;
}

export interface PlannedTable {
  readonly table: string;
  /** `new`: made by an earlier statement of the plan. `unknown`: there is none of that name by then. */
  readonly state: "existing" | "new" | "unknown";
  /** An estimate. */
  readonly rows: number | null;
  /** With indexes and TOAST. */
  readonly bytes: number | null;
  readonly partitions: number;
  readonly lock: LockLevel;
  readonly scans: boolean;
  readonly rewrites: boolean;
  readonly readersWait: boolean;
  readonly writersWait: boolean;
}

export interface PlannedStatement {
  readonly line: number;
  /** The beginning of it, in one line. */
  readonly text: string;
  readonly tables: readonly PlannedTable[];
  readonly undecided: readonly string[];
  readonly notes: readonly string[];
}
