import { expect, it } from "@jest/globals";
import { runModel } from "./support/run-model.ts";

const {
  HEADGATE_MODEL_RUNS: runs = "200",
  HEADGATE_MODEL_SEED: seed,
  HEADGATE_MODEL_PATH: path,
} = process.env;

it(
  "every command ends as the model says, or says what is wrong",
  async () => {
    const chosen = seed === undefined ? Date.now() % 1_000_000_007 : Number(seed);
    process.stderr.write(`the model's seed: ${chosen}\n`);
    const result = await runModel({ runs: Number(runs), seed: chosen, path });
    process.stderr.write(
      `${result.runs} sequences, ${result.commands} commands, ${Math.round(result.milliseconds / 1000)} s\n`,
    );
    expect(result.failure ?? "").toBe("");
  },
  24 * 60 * 60_000,
);
