import { join } from "node:path";
import {
  interleave,
  median,
  pairedDifference,
  pairedRatio,
  runProcess,
  timeProcess,
} from "../support/measure.mjs";
import { makeFloorCheck } from "../support/floor.mjs";
import { findTools } from "../support/peers.mjs";
import { findProgram } from "../support/postgres.mjs";
import { ms, table, times } from "../support/report.mjs";

const counts = [10, 100, 1000];

/** What a run costs that finds nothing to do, which is what every restart of a container pays. */
export async function measureNoOp({ work, databases, rounds }) {
  const psql = findProgram("psql");
  const { here, missing } = findTools();
  const folders = new Map();
  const contestants = { "node -e 0": () => timeProcess([process.execPath, "-e", "0"]) };
  if (psql !== undefined)
    contestants["psql -c 'SELECT 1'"] = () =>
      timeProcess([psql, "-X", "-q", "-c", "SELECT 1", databases.urlOf("postgres")]);
  for (const tool of here) {
    for (const count of counts) {
      const folder = join(work, `no-op-${tool.name}-${count}`);
      tool.write(
        folder,
        Array.from({ length: count }, (_, index) => ({ sql: `CREATE TABLE t${index} (id int);` })),
      );
      const url = await databases.create(`noop_${tool.name.toLowerCase().replaceAll("-", "_")}_${count}`);
      const [words, env] = tool.up(folder, url);
      const { code, output } = await runProcess(words, env);
      if (code !== 0) throw new Error(`${tool.name} could not apply ${count} migrations:\n${output}`);
      contestants[`${tool.name}, ${count} applied`] = () => timeProcess(words, env);
      if (tool.name === "Headgate") folders.set(count, { folder, url });
    }
  }
  const { url: fewApplied } = folders.get(10);
  const floor = await makeFloorCheck(work, fewApplied);
  contestants[onlyAsks] = () => timeProcess(floor, { DATABASE_URL: fewApplied });
  for (const count of [10, 1000]) {
    const { folder, url } = folders.get(count);
    contestants[readsAsWell(count)] = () => timeProcess(floor, { DATABASE_URL: url, FOLDER: folder });
  }
  const results = await interleave(contestants, rounds);
  const bare = results["node -e 0"];
  const few = results["Headgate, 10 applied"];
  const many = results["Headgate, 1000 applied"];
  const [leastFew, leastMany] = [10, 1000].map((count) => results[readsAsWell(count)]);
  return [
    "## `up` with nothing pending",
    "",
    `Medians of ${rounds} interleaved rounds.`,
    "",
    ...table(
      ["", "ms", "× `node -e 0`"],
      Object.entries(results).map(([name, values]) => [
        name,
        ms(median(values)),
        times(pairedRatio(values, bare)),
      ]),
    ),
    "",
    `Headgate with 1,000 applied costs ${ms(pairedDifference(many, few))} ms more than with 10, and ${times(pairedRatio(many, few))} × as much (medians of paired runs). Of the least that reads the files (see below) it is ${ms(pairedDifference(leastMany, leastFew))} ms and ${times(pairedRatio(leastMany, leastFew))} ×.`,
    "",
    "One connection and one query: bundled as our programs are, and nothing else in it. No tool that runs on Node and asks PostgreSQL can be faster. Where it reads the files as well, it opens, reads, closes and hashes each while the connection is made, asks for the names that are applied, and compares nothing.",
    ...notMeasured([...missing, ...(psql === undefined ? ["psql"] : [])]),
  ];
}

const onlyAsks = "one connection and one query from Node (see below)";
const readsAsWell = (count) => `the same, and ${count} files read and hashed`;

/** A line that names what was left out. */
export function notMeasured(missing) {
  return missing.length === 0 ? [] : ["", `Not measured, since not installed here: ${missing.join(", ")}.`];
}
