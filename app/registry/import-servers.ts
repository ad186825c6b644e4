import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import pg from "pg";
import {
  insertVersions,
  lockServers,
  selectStored,
  updateVersions,
  type Stored,
} from "./import-repository.ts";
import { markLatest } from "./mark-latest.ts";
import { readEntry, type Entry } from "./read-entry.ts";
import type { Line } from "./read-lines.ts";
import { schemaOf } from "./schema.ts";
import { runStatement, type Database } from "./statement.ts";

/** Why a line was passed over. */
export interface ImportProblem {
  readonly line: number;
  readonly reason: string;
}

export interface ImportSummary {
  /** Lines that are not empty; each is one of the next four. */
  readonly lines: number;
  readonly added: number;
  /** Known, with another status or date than before. */
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: number;
  /** Servers whose latest version is another one now. */
  readonly latestMoved: number;
  /** false: a strict import met a line that cannot be used, and the numbers say what would have been. */
  readonly stored: boolean;
}

export interface ImportOptions {
  /** One connection, used by nobody else meanwhile. */
  readonly database: Database;
  readonly lines: AsyncIterable<Line>;
  /** Store nothing when any line cannot be used. */
  readonly strict?: boolean;
  readonly onProblem?: (problem: ImportProblem) => void;
  /** Hears after every batch how many lines are done. */
  readonly onProgress?: (lines: number) => void;
  /** Hears that another import has to finish first. */
  readonly onWait?: () => void;
}

const batchEntries = 500;
const batchCharacters = 4 * 1024 * 1024;

/**
 * Stores every entry of the lines in one transaction: all of it, or nothing when it fails. What is stored already stays
 * as it is, so a second import of the same lines changes nothing. Holds one batch of entries at a time.
 *
 * @throws AppError when the database is the trouble, see `runStatement`
 */
export async function importServers(options: ImportOptions): Promise<ImportSummary> {
  const { database } = options;
  await run(database, "BEGIN");
  try {
    await waitForTurn(options);
    const summary = await importLines(options);
    const stored = options.strict !== true || summary.skipped === 0;
    await run(database, stored ? "COMMIT" : "ROLLBACK");
    return { ...summary, stored };
  } catch (error) {
    // A connection that broke cannot roll back, and PostgreSQL has done it by itself.
    await run(database, "ROLLBACK").catch(() => undefined);
    throw error;
  }
}

async function importLines({
  database,
  lines,
  onProblem,
  onProgress,
}: ImportOptions): Promise<Omit<ImportSummary, "stored">> {
  const count = { lines: 0, added: 0, updated: 0, unchanged: 0, skipped: 0 };
  const skip = (line: number, reason: string): void => {
    count.skipped++;
    onProblem?.({ line, reason });
  };
  const names = new Set<string>();
  let batch = new Map<string, NumberedEntry>();
  let characters = 0;
  let said = 0;
  const flush = async (): Promise<void> => {
    if (batch.size === 0) return;
    const result = await storeBatch(database, [...batch.values()], skip);
    for (const kind of ["added", "updated", "unchanged"] as const) count[kind] += result[kind];
    for (const { name } of batch.values()) names.add(name);
    [batch, characters] = [new Map(), 0];
    said = count.lines;
    onProgress?.(said);
  };
  for await (const line of lines) {
    const entry = "problem" in line ? line.problem : readEntry(line.text);
    if (typeof entry === "string") skip(line.number, entry);
    else {
      const key = `${entry.name} ${entry.version}`;
      // The second of two lines about one version meets the first one as stored.
      if (batch.has(key)) await flush();
      batch.set(key, { ...entry, line: line.number });
      characters += entry.value.length;
    }
    count.lines++;
    if (batch.size >= batchEntries || characters >= batchCharacters) await flush();
  }
  await flush();
  if (said < count.lines) onProgress?.(count.lines);
  return { ...count, latestMoved: await markLatest(database, [...names]) };
}

interface NumberedEntry extends Entry {
  readonly line: number;
}

async function storeBatch(
  database: Database,
  entries: readonly NumberedEntry[],
  skip: (line: number, reason: string) => void,
): Promise<{ added: number; updated: number; unchanged: number }> {
  await lockServers(database, [...new Set(entries.map(({ name }) => name))]);
  const digests = entries.map(({ name, version, value }) => ({ name, version, sha256: sha256(value) }));
  const stored = new Map(
    (await selectStored(database, digests)).map((row) => [`${row.name} ${row.version}`, row]),
  );
  const added: Entry[] = [];
  const updated: Entry[] = [];
  let unchanged = 0;
  for (const entry of entries) {
    const known = stored.get(`${entry.name} ${entry.version}`);
    if (known === undefined) added.push(entry);
    else if (!isSameDocument(entry, known)) {
      skip(
        entry.line,
        `${entry.name} ${entry.version} is stored with other content; a version never changes`,
      );
    } else if (saysOtherwise(entry, known)) updated.push(entry);
    else unchanged++;
  }
  if (added.length > 0) await insertVersions(database, added);
  if (updated.length > 0) await updateVersions(database, updated);
  return { added: added.length, updated: updated.length, unchanged };
}

/** Whether the entry gives another status, message or date than is stored; what it does not give stays as it is. */
function saysOtherwise(entry: Entry, known: Stored): boolean {
  const { status, statusMessage, statusChangedAt, publishedAt } = entry;
  return (
    (status !== undefined && (status !== known.status || (statusMessage ?? null) !== known.statusMessage)) ||
    (statusChangedAt ?? known.statusChangedAt) !== known.statusChangedAt ||
    (publishedAt ?? known.publishedAt) !== known.publishedAt
  );
}

/** The same meaning is enough: white space or another order of members does not make another document. */
function isSameDocument(entry: Entry, known: Stored): boolean {
  return (
    known.otherValue === null || isDeepStrictEqual(JSON.parse(entry.value), JSON.parse(known.otherValue))
  );
}

/**
 * One import at a time: two that meet the same servers in another order would deadlock. Waiting inside PostgreSQL holds a
 * snapshot, which is harmless here: the holder is an import, and imports wait for no index build.
 */
async function waitForTurn({ database, onWait }: ImportOptions): Promise<void> {
  const topic = pg.escapeLiteral(`headgate registry import ${(await schemaOf(database)) ?? ""}`);
  const key = `pg_catalog.hashtextextended(${topic}, 0)`;
  const [row] = await run<{ free: boolean }>(
    database,
    `SELECT pg_catalog.pg_try_advisory_xact_lock(${key}) AS free`,
  );
  if (row?.free === true) return;
  onWait?.();
  await run(database, `SELECT FROM pg_catalog.pg_advisory_xact_lock(${key})`);
}

function run<Row>(database: Database, text: string): Promise<Row[]> {
  return runStatement(database, { name: "", text, values: [] });
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
