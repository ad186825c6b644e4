import type { Command, Edges } from "./command.ts";
import { check } from "./commands/check.ts";
import { up } from "./commands/up.ts";
import { wait } from "./commands/wait.ts";
import { perform, runCommand } from "./perform.ts";

type Phase = (argv: readonly string[], edges: Edges) => Promise<number>;

/** The commands that a start of a container may have run, by name, and no others: every start reads what they need. */
export const phases: ReadonlyMap<string, Phase> = new Map([
  ["wait", phaseOf(wait)],
  ["check", phaseOf(check)],
  // Nobody is asked.
  ["up", phaseOf(up, "--yes")],
]);

function phaseOf(command: Command, ...flags: readonly string[]): Phase {
  return async (argv, edges) => {
    const words = [...flags, ...argv];
    return await perform(words, edges, async (onOutput) => await runCommand(command, words, edges, onOutput));
  };
}
