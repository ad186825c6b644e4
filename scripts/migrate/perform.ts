import { loadConfig, loadLogSettings, loadSettings, type LoadOptions } from "../../app/config/load.ts";
import { codeOf } from "../../app/database/sqlstate.ts";
import { AppError } from "../../app/errors.ts";
import { describeError, reportError } from "../../app/exit-code.ts";
import { parseArguments } from "./arguments.ts";
import type { Command, CommandContext, Edges } from "./command.ts";
import { watchDelivery } from "./delivery.ts";
import { createOutput, type Output } from "./output.ts";
import { loadWidths } from "./width.ts";

/** Told of the output of a command, once there is one. */
export type OutputListener = (output: Output) => void;

/**
 * Runs what was asked for with these words, reports what goes wrong, and returns the exit code. Never throws. Whoever
 * stops reading the answer (`| head -1`) has what it wants; an answer that cannot be written otherwise is never a success.
 */
export async function perform(
  words: readonly string[],
  edges: Edges,
  work: (onOutput: OutputListener) => Promise<number>,
): Promise<number> {
  const delivery = watchDelivery(edges.stdout);
  // Nobody reading the log is no reason to stop a migration.
  watchDelivery(edges.stderr);
  const exitCode = await workAndReport(words, edges, work);
  const failure = await delivery();
  if (failure === undefined || codeOf(failure) === "EPIPE") return exitCode;
  const message = `The answer could not be written to stdout: ${failure.message}. What was done stays done; \`migrate status\` shows it.`;
  const undelivered = reportError(new AppError("internal", message, { cause: failure }), edges.stderr);
  return exitCode === 0 ? undelivered : exitCode;
}

async function workAndReport(
  words: readonly string[],
  edges: Edges,
  work: (onOutput: OutputListener) => Promise<number>,
): Promise<number> {
  let output: Output | undefined;
  try {
    return await work((created) => (output = created));
  } catch (error) {
    const reason: unknown = edges.signal.aborted ? edges.signal.reason : error;
    output ??= createEarlyOutput(words, edges);
    output.answer({ error: describeError(reason) });
    return output.fail(reason);
  }
}

/**
 * Runs one command with its words.
 *
 * @throws AppError `usage` for words that it does not know; what the command throws
 */
export async function runCommand(
  command: Command,
  words: readonly string[],
  edges: Edges,
  onOutput: OutputListener,
): Promise<number> {
  const { positionals, flags, settings } = parseArguments(command, words);
  const loadOptions: LoadOptions = { flags: settings, env: edges.env, purpose: "migrations" };
  const json = flags["json"] === true;
  if (edges.stderr.isTTY === true) await loadWidths();
  const output = createOutput(edges, {
    ...loadLogSettings(loadOptions),
    json,
    noColor: flags["no-color"] === true,
  });
  onOutput(output);
  const { env, stdout, stderr, signal } = edges;
  const context: CommandContext = {
    env,
    // Not copied: opening it is what costs.
    get stdin() {
      return edges.stdin;
    },
    stdout,
    stderr,
    signal,
    ...output,
    positionals,
    flags,
    json,
    yes: flags["yes"] === true,
    config: () => loadConfig(loadOptions),
    settings: () => loadSettings(loadOptions),
  };
  try {
    return await command.run(context);
  } finally {
    output.settle();
  }
}

/** For what goes wrong before the words are understood: as they and the environment seem to want it. */
function createEarlyOutput(argv: readonly string[], edges: Edges): Output {
  const flags: Record<string, string> = {};
  for (const [index, word] of argv.entries()) {
    const [, flag, value] = /^(--config|--log-format|--log-level)(?:=(.*))?$/.exec(word) ?? [];
    if (flag !== undefined) flags[flag] = value ?? argv[index + 1] ?? "";
  }
  return createOutput(edges, {
    ...loadLogSettings({ flags, env: edges.env, purpose: "migrations" }),
    json: argv.includes("--json"),
    noColor: argv.includes("--no-color"),
  });
}
