import type { LockHolder } from "./lock.ts";

/** What happens while the engine works. The engine prints nothing; whoever listens decides what a person sees. */
export type MigrationEvent =
  | {
      readonly type: "waiting-for-database";
      readonly reason: string;
      readonly elapsed: number;
      readonly timeout: number;
      readonly place: string;
    }
  | { readonly type: "waiting-for-lock"; readonly holder: LockHolder | undefined; readonly waited: number }
  | {
      /** Somebody has locked the ledger's tables. */
      readonly type: "waiting-for-ledger";
      readonly blockers: readonly Blocker[];
      readonly waited: number;
    }
  | {
      readonly type: "started";
      readonly name: string;
      readonly direction: "up" | "down";
      readonly index: number;
      readonly total: number;
    }
  | { readonly type: "statement"; readonly name: string; readonly done: number; readonly total: number }
  | { readonly type: "batch"; readonly name: string; readonly batches: number; readonly rows: number }
  | {
      readonly type: "retry";
      readonly name: string;
      readonly attempt: number;
      readonly retries: number;
      readonly delay: number;
      readonly reason: string;
    }
  | {
      readonly type: "blocked";
      readonly name: string;
      readonly blockers: readonly Blocker[];
      /** What a statement that runs CONCURRENTLY waits for: `waiting for old snapshots, 1 of 3`. */
      readonly phase?: string;
    }
  | ({ readonly type: "working" } & Working)
  | {
      readonly type: "index-progress";
      readonly name: string;
      readonly phase: string;
      readonly percent: number | undefined;
      /** Whose transactions the build waits for. */
      readonly blockers?: readonly Blocker[];
    }
  | {
      readonly type: "notice";
      readonly name: string;
      /** As the server has it in English: DEBUG, LOG, INFO, NOTICE, WARNING; OUTPUT is what a migration in code has written. */
      readonly severity: string;
      readonly text: string;
    }
  | { readonly type: "warning"; readonly name: string; readonly text: string }
  | {
      readonly type: "finished";
      readonly name: string;
      readonly direction: "up" | "down";
      readonly index: number;
      readonly total: number;
      readonly ranMs: number;
    }
  | {
      readonly type: "verified";
      readonly name: string;
      readonly verdict: string;
      readonly isFinding: boolean;
      readonly index: number;
      readonly total: number;
      readonly ranMs: number;
    }
  | {
      readonly type: "failed";
      readonly name: string;
      readonly direction: "up" | "down";
      readonly message: string;
    };

export type Listener = (event: MigrationEvent) => void;

/** A migration that runs on, of which nothing was said for a while. */
export interface Working {
  readonly name: string;
  /** Milliseconds since it began. */
  readonly elapsed: number;
  /** As in pg_stat_activity; null when it cannot be known. */
  readonly state: string | null;
  /** `IO: DataFileRead`; null while it computes. */
  readonly waitEvent: string | null;
  readonly blockers: readonly Blocker[];
  /** Of an index build, or what a statement that runs CONCURRENTLY waits for. */
  readonly phase?: string;
  readonly statement?: { readonly number: number; readonly total: number };
  readonly batches?: { readonly number: number; readonly rows: number };
}

/** A session or prepared transaction that keeps a migration waiting. */
export interface Blocker {
  readonly pid: number;
  readonly state: string | null;
  /** The beginning of its query; never the whole, which may hold data. */
  readonly query: string;
  /** How long its transaction is open, in milliseconds. */
  readonly age: number | null;
  readonly applicationName: string | null;
  /** It is no session but a transaction that waits for COMMIT PREPARED; its `pid` is 0. */
  readonly prepared?: { readonly gid: string; readonly owner: string };
}
