import fc from "fast-check";
import { createModel, Violation, type ModelCommand } from "./commands.ts";
import { sequences } from "./sequences.ts";
import { Stage, type Sabotage } from "./stage.ts";

export interface ModelRuns {
  readonly runs: number;
  readonly seed: number;
  readonly path?: string | undefined;
  readonly sabotage?: Sabotage;
  /** Milliseconds after which no new sequence is begun. */
  readonly limit?: number | undefined;
  /** Milliseconds after which shrinking ends. */
  readonly patience?: number;
}

export interface ModelResult {
  readonly runs: number;
  readonly commands: number;
  readonly milliseconds: number;
  /** undefined: every sequence ended as it may. */
  readonly failure: string | undefined;
}

/** Drives the real program and the model with the same random commands, and says where they part. */
export async function runModel(options: ModelRuns): Promise<ModelResult> {
  const { runs, seed, path, sabotage, limit, patience = 120_000 } = options;
  const started = performance.now();
  let commands = 0;
  let failedAt: number | undefined;
  const stage = await Stage.open(sabotage);
  try {
    const property = fc.asyncProperty(sequences(), async (sequence: ModelCommand[]) => {
      // A shrunk sequence that is not looked at counts as one that passes.
      if (failedAt !== undefined && performance.now() - failedAt > patience) return;
      await stage.begin();
      const model = createModel();
      try {
        await fc.asyncModelRun(
          () => ({ model, real: stage }),
          counted(sequence, () => commands++),
        );
      } catch (error) {
        failedAt ??= performance.now();
        throw new Error([...model.told.map((words) => `  ${words}`), messageOf(error)].join("\n"), {
          cause: error,
        });
      }
    });
    const details = await fc.check(property, {
      numRuns: runs,
      seed,
      ...(path === undefined ? {} : { path }),
      ...(limit === undefined ? {} : { interruptAfterTimeLimit: limit }),
    });
    const failure = details.failed && !details.interrupted ? describe(details) : undefined;
    return { runs: details.numRuns, commands, milliseconds: performance.now() - started, failure };
  } finally {
    await stage.close();
  }
}

function counted(sequence: readonly ModelCommand[], count: () => void): ModelCommand[] {
  return sequence.map((command) => ({
    check: (model) => command.check(model),
    run: async (model, stage) => {
      count();
      await command.run(model, stage);
    },
    toString: () => command.toString(),
  }));
}

function describe({
  seed,
  counterexamplePath,
  errorInstance,
  numShrinks,
}: fc.RunDetails<[ModelCommand[]]>): string {
  return [
    `seed ${seed}, path ${counterexamplePath}, shrunk ${numShrinks} times:`,
    `  npm run test:model -- --seed ${seed} --path ${counterexamplePath}`,
    messageOf(errorInstance),
  ].join("\n");
}

/** A violation's own words; of another error, where it comes from, too. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isOurs = error instanceof Violation || error.cause !== undefined;
  return isOurs ? error.message : (error.stack ?? error.message);
}
