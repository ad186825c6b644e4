// migrate: no-transaction
//
// Marks the latest version of every server. TypeScript, because SQL cannot order semantic versions.
//
// Outside a transaction: one transaction over the whole table would hold every row's lock, and hold back vacuum, until
// its end. Each batch is one UPDATE and so commits by itself. It sets what the rule says and touches only rows that say
// something else, so it may be killed at any point and run again.
//
// The rule: two semantic versions (three numbers, an optional leading `v`): the higher one. Neither is one: the one
// published later. One of each: the semantic version. Equal so far: published later, then the greater text.

import type { MigrationBuilder } from "node-pg-migrate";

const serversPerBatch = 500;

export async function up(pgm: MigrationBuilder): Promise<void> {
  await inBatches(pgm, async (names) => {
    const rows: Row[] = await pgm.db.select(
      `SELECT server_name AS name, version, to_char(published_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') AS published
         FROM server_version WHERE server_name = ANY ($1::text[])`,
      [names],
    );
    const latest = new Map<string, Candidate>();
    for (const row of rows) {
      const candidate = { ...row, semantic: parseSemantic(row.version) };
      const best = latest.get(row.name);
      if (best === undefined || compare(candidate, best) > 0) latest.set(row.name, candidate);
    }
    await pgm.db.query(
      `UPDATE server_version AS v SET is_latest = (v.version = l.version)
         FROM unnest($1::text[], $2::text[]) AS l (name, version)
        WHERE v.server_name = l.name AND v.is_latest <> (v.version = l.version)`,
      [[...latest.keys()], [...latest.values()].map(({ version }) => version)],
    );
  });
}

export async function down(pgm: MigrationBuilder): Promise<void> {
  await inBatches(pgm, async (names) => {
    await pgm.db.query(
      `UPDATE server_version SET is_latest = false WHERE server_name = ANY ($1::text[]) AND is_latest`,
      [names],
    );
  });
}

/** All servers' names in order, some at a time. */
async function inBatches(pgm: MigrationBuilder, act: (names: string[]) => Promise<void>): Promise<void> {
  for (let after = ""; ;) {
    const rows: { name: string }[] = await pgm.db.select(
      `SELECT name FROM server WHERE name > $1 ORDER BY name LIMIT $2`,
      [after, serversPerBatch],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    await act(rows.map(({ name }) => name));
    after = last.name;
  }
}

interface Row {
  readonly name: string;
  readonly version: string;
  /** Digits of the UTC time, so that text order is time order. */
  readonly published: string;
}

interface Semantic {
  readonly numbers: readonly number[];
  readonly prerelease: readonly string[];
}

interface Candidate extends Row {
  readonly semantic: Semantic | undefined;
}

function compare(a: Candidate, b: Candidate): number {
  if ((a.semantic === undefined) !== (b.semantic === undefined)) return a.semantic === undefined ? -1 : 1;
  const bySemantic = a.semantic && b.semantic ? compareSemantic(a.semantic, b.semantic) : 0;
  return bySemantic || compareText(a.published, b.published) || compareText(a.version, b.version);
}

function parseSemantic(version: string): Semantic | undefined {
  const number = "(0|[1-9]\\d*)";
  const identifier = "(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)";
  const pattern = new RegExp(
    `^v?${number}\\.${number}\\.${number}(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
  );
  const match = pattern.exec(version);
  if (match === null) return undefined;
  const numbers = match.slice(1, 4).map(Number);
  if (!numbers.every(Number.isSafeInteger)) return undefined;
  return { numbers, prerelease: match[4]?.split(".") ?? [] };
}

function compareSemantic(a: Semantic, b: Semantic): number {
  for (const [index, number] of a.numbers.entries()) {
    const difference = number - (b.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  // A pre-release comes before its release.
  if (a.prerelease.length === 0 || b.prerelease.length === 0)
    return b.prerelease.length - a.prerelease.length;
  for (const [index, identifier] of a.prerelease.entries()) {
    const other = b.prerelease[index];
    if (other === undefined) return 1;
    const difference = compareIdentifiers(identifier, other);
    if (difference !== 0) return difference;
  }
  return a.prerelease.length - b.prerelease.length;
}

/** Numbers by value and before words; words as text. */
function compareIdentifiers(a: string, b: string): number {
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  return aIsNumber ? Number(a) - Number(b) : compareText(a, b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
