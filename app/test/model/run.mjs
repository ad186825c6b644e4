// `npm run test:model -- --runs N [--seed S] [--path P]`: random commands on a real PostgreSQL, and the model beside it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dirname, "..", "..", "..");
const text = { type: "string" };
const { values } = parseArgs({ options: { runs: text, seed: text, path: text } });
const given = {
  HEADGATE_MODEL_RUNS: values.runs,
  HEADGATE_MODEL_SEED: values.seed,
  HEADGATE_MODEL_PATH: values.path,
};
for (const [name, value] of Object.entries(given)) if (value !== undefined) process.env[name] = value;

const jest = join("node_modules", "jest", "bin", "jest.js");
const flags = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
const { status } = spawnSync(process.execPath, [...flags, jest, "--config", "jest.model.config.mjs"], {
  cwd: root,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
