import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { interleave, median, pairedRatio, timeProcess } from "../support/measure.mjs";
import { findTools } from "../support/peers.mjs";
import { findProgram } from "../support/postgres.mjs";
import { writeReplay } from "../support/replay.mjs";
import { ms, table, times } from "../support/report.mjs";
import { notMeasured } from "./no-op.mjs";

const counts = [10, 100, 1000];
const replayed = "what Headgate sends, sent by psql (see below)";

/** Small migrations, all pending, into an empty database. */
export async function measureApply({ work, databases, rounds }) {
  const psql = findProgram("psql");
  const { here, missing } = findTools();
  const contestants = {};
  const inDatabase = (name, command) => async () => {
    const url = await databases.create(`apply_${name.toLowerCase().replaceAll(/[^a-z]/g, "_")}`);
    const [words, env] = command(url);
    return await timeProcess(words, env);
  };
  for (const count of counts) {
    const migrations = Array.from({ length: count }, (_, index) => ({
      sql: `CREATE TABLE t${index} (id int PRIMARY KEY, name text NOT NULL);`,
    }));
    if (psql !== undefined) {
      const folder = join(work, `apply-psql-${count}`);
      mkdirSync(folder, { recursive: true });
      const one = join(folder, "all.sql");
      writeFileSync(one, `${migrations.map(({ sql }) => sql).join("\n")}\n`);
      contestants[`psql, one file; ${count}`] = inDatabase("psql_one", (url) => [
        [psql, "-X", "-q", "-f", one, url],
        {},
      ]);
      const each = join(folder, "each.sql");
      writeFileSync(each, `${migrations.map(({ sql }) => `BEGIN; ${sql} COMMIT;`).join("\n")}\n`);
      contestants[`psql, a transaction each; ${count}`] = inDatabase("psql_each", (url) => [
        [psql, "-X", "-q", "-f", each, url],
        {},
      ]);
    }
    for (const tool of here) {
      const folder = join(work, `apply-${tool.name}-${count}`);
      tool.write(folder, migrations);
      contestants[`${tool.name}; ${count}`] = inDatabase(tool.name, (url) => tool.up(folder, url));
    }
    if (psql !== undefined) {
      const replay = join(work, `apply-replay-${count}.sql`);
      await writeReplay(
        await databases.create("apply_replay"),
        join(work, `apply-Headgate-${count}`),
        replay,
      );
      contestants[`${replayed}; ${count}`] = inDatabase("psql_replay", (url) => [
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f", replay, url],
        {},
      ]);
    }
  }
  const fewer = Math.max(3, Math.round(rounds / 5));
  const results = await interleave(contestants, fewer);
  const baseline = (count) => results[`psql, one file; ${count}`];
  const names = [...new Set(Object.keys(results).map((name) => name.split("; ")[0]))];
  const cell = (name, count) => {
    const values = results[`${name}; ${count}`];
    return `${ms(median(values))}${baseline(count) === undefined ? "" : ` (${times(pairedRatio(values, baseline(count)))})`}`;
  };
  return [
    "## Applying small migrations",
    "",
    `Milliseconds, and in brackets the multiple of psql with all of them in one file. Medians of ${fewer} interleaved rounds.`,
    "",
    ...table(
      ["", ...counts.map((count) => `${count} migrations`)],
      names.map((name) => [name, ...counts.map((count) => cell(name, count))]),
    ),
    "",
    "What Headgate sends, sent by psql: every message of a run of ours, recorded and sent again: the server's work for what we promise, and next to nothing else. Headgate has in addition a start of Node and of itself, reads and checks the files, and looks at the answers before it goes on.",
    ...notMeasured([...missing, ...(psql === undefined ? ["psql"] : [])]),
  ];
}
