import { join } from "node:path";
import { runProcess } from "../support/measure.mjs";
import { findTools } from "../support/peers.mjs";
import { ms, table } from "../support/report.mjs";
import { notMeasured } from "./no-op.mjs";

const crowds = [1, 10, 50];
/** Longer than this nobody waits for a start. */
const patience = 60_000;

/**
 * Several runners at once on an empty database: how many end with 0, and what they leave.
 *
 * @throws Error when one of ours did not, or left something
 */
export async function measureCrowd({ work, databases }) {
  const { here, missing } = findTools();
  const rows = [];
  for (const withIndex of [false, true]) {
    for (const tool of here) {
      const folder = join(work, `crowd-${tool.name}-${withIndex}`);
      tool.write(folder, migrationsFor(withIndex));
      for (const size of crowds) {
        const url = await databases.create("crowd");
        const started = performance.now();
        const codes = await Promise.all(
          Array.from({ length: size }, () => runPatiently(tool.up(folder, url))),
        );
        const took = performance.now() - started;
        const { rows: invalid } = await databases.query(
          "crowd",
          "SELECT count(*)::int AS count FROM pg_index WHERE NOT indisvalid",
        );
        const succeeded = codes.filter((code) => code === 0).length;
        if (tool.name === "Headgate" && (succeeded < size || invalid[0].count > 0))
          throw new Error(
            `Of ${size} runners ${succeeded} ended with 0, and ${invalid[0].count} indexes are invalid.`,
          );
        rows.push([
          tool.name,
          withIndex ? "with" : "without",
          size,
          `${succeeded} of ${size}`,
          invalid[0].count === 0 ? "" : `${invalid[0].count} INVALID`,
          ms(took),
        ]);
      }
    }
  }
  return [
    "## Several runners at once",
    "",
    `One run each. Twenty migrations, an empty database, with and without a CREATE INDEX CONCURRENTLY among them; who has not ended after ${patience / 1000} s is killed.`,
    "",
    ...table(["", "index", "runners", "ended with 0", "left behind", "ms until the last one ended"], rows),
    ...notMeasured(missing),
  ];
}

function migrationsFor(withIndex) {
  return Array.from({ length: 20 }, (_, index) =>
    index === 10 && withIndex
      ? { sql: "CREATE INDEX CONCURRENTLY t5_id ON t5 (id);", concurrent: true }
      : {
          sql: `CREATE TABLE t${index} (id int);${index === 5 ? " INSERT INTO t5 SELECT generate_series(1, 200000);" : ""}`,
        },
  );
}

async function runPatiently([words, env]) {
  let timer;
  const { code } = await runProcess(words, env, (pid) => {
    timer = setTimeout(() => process.kill(pid, "SIGKILL"), patience);
  });
  clearTimeout(timer);
  return code;
}
