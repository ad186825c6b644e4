import pg from "pg";
import type { Session } from "../database/session.ts";
import { AppError } from "../errors.ts";
import type { ConcurrentIndex } from "./statements.ts";

interface IndexState {
  /** Quoted and qualified. */
  readonly name: string;
  readonly isValid: boolean;
  /** The backend that is building it at this moment. */
  readonly builtBy: number | null;
}

/** The index that a CREATE INDEX CONCURRENTLY names, if it is there. */
export async function readIndex(
  session: Session,
  { schema, index, table }: ConcurrentIndex,
): Promise<IndexState | undefined> {
  const relation = [schema, table]
    .filter((part) => part !== undefined)
    .map((part) => pg.escapeIdentifier(part))
    .join(".");
  const found = await findIndexes(session, "i.indrelid = to_regclass($1) AND c.relname = $2", [
    relation,
    index,
  ]);
  return found[0];
}

/**
 * Drops what interrupted builds left: the INVALID index of the statement's own name, or for REINDEX the `_ccnew` and
 * `_ccold` companions of the indexes it is about. A valid index, or one that somebody is building, is never touched.
 *
 * @returns the names that were dropped
 * @throws AppError `migration-failed` when another session is building it at this moment
 */
export async function dropLeftovers(session: Session, statement: ConcurrentIndex): Promise<string[]> {
  const leftovers =
    statement.action === "create"
      ? [await readIndex(session, statement)]
      : await reindexLeftovers(session, statement);
  const dropped: string[] = [];
  for (const leftover of leftovers) {
    if (leftover === undefined || leftover.isValid) continue;
    if (leftover.builtBy !== null) {
      throw new AppError(
        "migration-failed",
        `the index ${leftover.name} is being built by backend ${leftover.builtBy} at this moment; wait for it or end it`,
      );
    }
    await session.client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${leftover.name}`);
    dropped.push(leftover.name);
  }
  return dropped;
}

async function reindexLeftovers(
  session: Session,
  { action, schema, index, table }: ConcurrentIndex,
): Promise<IndexState[]> {
  if (action !== "reindex") return [];
  // PostgreSQL names them after the index, with a number behind when that name is taken.
  const companion = String.raw`c.relname ~ '_cc(new|old)\d*$' AND NOT i.indisvalid`;
  if (index !== undefined) {
    const relation = [schema, index]
      .filter((part) => part !== undefined)
      .map((part) => pg.escapeIdentifier(part))
      .join(".");
    return await findIndexes(
      session,
      `${companion} AND i.indrelid = (SELECT indrelid FROM pg_index WHERE indexrelid = to_regclass($1)) AND regexp_replace(c.relname, '_cc(new|old)\\d*$', '') = $2`,
      [relation, index],
    );
  }
  if (table !== undefined) {
    const relation = [schema, table]
      .filter((part) => part !== undefined)
      .map((part) => pg.escapeIdentifier(part))
      .join(".");
    return await findIndexes(session, `${companion} AND i.indrelid = to_regclass($1)`, [relation]);
  }
  return schema === undefined ? [] : await findIndexes(session, `${companion} AND n.nspname = $1`, [schema]);
}

async function findIndexes(
  session: Session,
  condition: string,
  values: readonly unknown[],
): Promise<IndexState[]> {
  const { rows } = await session.client.query<{ name: string; valid: boolean; built_by: number | null }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, i.indisvalid AND i.indisready AND i.indislive AS valid, p.pid AS built_by
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.index_relid = i.indexrelid
      WHERE ${condition}`,
    [...values],
  );
  return rows.map(({ name, valid, built_by: builtBy }) => ({ name, isValid: valid, builtBy }));
}
