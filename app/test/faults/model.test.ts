import { describe, expect, it } from "@jest/globals";
import { runModel } from "../model/support/run-model.ts";
import type { Sabotage } from "../model/support/stage.ts";

describe("random commands, edits, kills and restarts", () => {
  it("end as the model says, or say what is wrong", async () => {
    // The same commands in every build; `npm run test:model` searches on with other seeds.
    const seed = Number(process.env["HEADGATE_MODEL_SEED"] ?? 77);
    process.stderr.write(`the model's seed: ${seed}\n`);
    const { failure } = await runModel({ runs: 15, seed, limit: 25_000, patience: 60_000 });
    expect(failure ?? "").toBe("");
  }, 180_000);
});

describe("the model itself", () => {
  const swallow: Sabotage = async ({ client }, [command]) => {
    if (command !== "up") return;
    await client.query(
      "DELETE FROM schema_migrations WHERE id = (SELECT max(id) FROM schema_migrations WHERE id > 1)",
    );
  };
  const runTwice: Sabotage = async ({ client }, [command]) => {
    if (command !== "up") return;
    await client.query(
      "UPDATE counter SET v = (v * 3 + 7) % 1000003 WHERE EXISTS (SELECT FROM schema_migrations WHERE name LIKE '%_m1')",
    );
  };
  it.each([
    ["that loses a row of the ledger", swallow, "ended with 0"],
    ["that runs a migration twice", runTwice, "ended with 0"],
  ])(
    "finds a runner %s, and shrinks the commands to a few",
    async (_bug, sabotage, words) => {
      const { failure } = await runModel({ runs: 50, seed: 7, sabotage, patience: 3000 });
      expect(failure).toContain("seed 7, path ");
      expect(failure).toContain(words);
      expect(failure).toContain("migrate up");
    },
    120_000,
  );
});
