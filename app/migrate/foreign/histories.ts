import { named, notClean, numbered, text, wholeNumber, type Entry, type Reader, type Row } from "./entry.ts";

/** How the history of each tool is read from the rows of its table. */

export const golangMigrate: Reader = (rows) => {
  if (rows.some(({ dirty }) => dirty === true))
    throw notClean("golang-migrate", "is marked dirty", "repair it and run its `force` first");
  // -1 is its word for "before the first one".
  const versions = rows.map((row) => text(row, "version")).filter((version) => !version.startsWith("-"));
  return state(
    versions.map((version) => ({ ...numbered(version), label: `version ${version}`, upTo: true })),
  );
};

/**
 * A version is applied when its last row says so: an undo, or a `repair` that wrote DELETE for a missing file, takes it
 * back. A baseline covers everything up to its version. Scripts without a version are repeatable; we have no such thing.
 */
export const flyway: Reader = (rows) => {
  if (rows.some(({ success }) => success === false))
    throw notClean("flyway", "holds a failed migration", "run its `repair` first");
  const applied = new Map<string, Entry>();
  const repeatable = new Set<string>();
  for (const row of inOrderOf(rows, "installed_rank")) {
    const type = typeof row["type"] === "string" ? row["type"] : "SQL";
    const description = text(row, "description");
    if (row["version"] === null) {
      if (type === "DELETE") repeatable.delete(description);
      else if (type !== "SCHEMA") repeatable.add(description);
      continue;
    }
    const version = text(row, "version");
    if (type === "DELETE" || type.startsWith("UNDO")) applied.delete(version);
    else if (type.includes("BASELINE"))
      applied.set(version, { ...numbered(version), upTo: true, optional: true });
    else applied.set(version, numbered(version, description));
  }
  return state(
    [...applied.values()],
    repeatable.size === 0
      ? []
      : [
          `Repeatable scripts are not taken over: ${[...repeatable].join(", ")}. What they made stays as it is.`,
        ],
  );
};

export const alembic: Reader = (rows) => state(rows.map((row) => ({ label: text(row, "version_num") })));

export const versions: Reader = (rows) => state(rows.map((row) => numbered(text(row, "version"))));

export const names: Reader = (rows) => state(rows.map((row) => named(text(row, "name"))));

export const knex: Reader = async (rows, beside) => {
  const lock = await beside("knex_migrations_lock");
  if (lock?.some((row) => Number(row["is_locked"]) === 1)) {
    throw notClean(
      "knex",
      "is locked: a run is under way, or was killed",
      "wait for it, or look at what it left behind and run `knex migrate:unlock`",
    );
  }
  return await names(rows, beside);
};

/** A migration may have several rows: each try has one, and those that failed were rolled back or are open. */
export const prisma: Reader = (rows) => {
  const kept = rows.filter((row) => row["rolled_back_at"] === null);
  if (kept.some((row) => row["finished_at"] === null))
    throw notClean("prisma", "holds a failed migration", "run `prisma migrate resolve` first");
  return state(
    kept.map((row) => ({
      ...named(text(row, "migration_name")),
      hash: typeof row["checksum"] === "string" ? row["checksum"] : undefined,
    })),
  );
};

/** Its own loader takes `x.down.sql` for a migration too, and runs it before `x.up.sql`: then the up counts. */
export const nodePgMigrate: Reader = (rows) => {
  const applied = inOrderOf(rows, "id").map((row) => text(row, "name"));
  const isDown = (name: string): boolean => /\.down(?:\.sql)?$/i.test(name);
  const lastDown = applied.filter(
    (name, index) =>
      isDown(name) && !applied.slice(index).includes(name.replace(/\.down(?=(?:\.sql)?$)/i, ".up")),
  );
  if (lastDown.length > 0) {
    throw notClean(
      "node-pg-migrate",
      `says that a down file ran as the last migration of its number (${lastDown.slice(0, 3).join(", ")})`,
      "look at what the schema really has and correct the rows, or say how far it is with `migrate baseline VERSION`",
    );
  }
  return state(applied.filter((name) => !isDown(name)).map(named));
};

export const typeorm: Reader = (rows) =>
  state(
    rows.map((row) => {
      const name = text(row, "name");
      return { ...numbered(text(row, "timestamp"), name.replace(/\d+$/, "")), label: name };
    }),
  );

/** Only the content of a file tells which one it is. */
export const drizzle: Reader = (rows) =>
  state(
    inOrderOf(rows, "created_at").map((row) => ({
      label: `${text(row, "hash").slice(0, 12)}… of ${new Date(Number(row["created_at"])).toISOString()}`,
      hash: text(row, "hash"),
    })),
  );

/** Changes have names without numbers; a change that was reworked has several rows. */
export const sqitch: Reader = (rows) => {
  const changes = rows.map((row) => text(row, "change"));
  const reworked = changes.filter((name, index) => changes.indexOf(name) !== index);
  if (reworked.length > 0) {
    throw notClean(
      "sqitch",
      `has reworked ${[...new Set(reworked)].join(", ")}, so names do not tell its changes apart`,
      "say how far the schema is with `migrate baseline VERSION`",
    );
  }
  return state(changes.map((change) => ({ label: change, word: change, byWord: true })));
};

/** Older releases wrote a row for each direction: the last one of a version counts. Version 0 is its own beginning. */
export const goose: Reader = (rows) => {
  const applied = new Map<string, boolean>();
  for (const row of inOrderOf(rows, "id")) applied.set(text(row, "version_id"), row["is_applied"] !== false);
  applied.delete("0");
  return state([...applied].flatMap(([version, isApplied]) => (isApplied ? [numbered(version)] : [])));
};

export const sqlx: Reader = (rows) => {
  if (rows.some(({ success }) => success === false)) {
    throw notClean(
      "sqlx",
      "holds a migration that did not finish",
      "finish or undo what it left behind and correct its row first",
    );
  }
  return state(rows.map((row) => numbered(text(row, "version"), text(row, "description"))));
};

function state(
  entries: readonly Entry[],
  notes: readonly string[] = [],
): { entries: Entry[]; notes: string[] } {
  return { entries: [...entries], notes: [...notes] };
}

function inOrderOf(rows: readonly Row[], column: string): Row[] {
  const place = (row: Row): bigint => wholeNumber(text(row, column)) ?? 0n;
  return rows.toSorted((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
}
