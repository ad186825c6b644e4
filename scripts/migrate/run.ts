import { loadConfig, loadLogSettings, loadSettings, type LoadOptions } from "../../app/config/load.ts";
import { codeOf } from "../../app/database/sqlstate.ts";
import { AppError } from "../../app/errors.ts";
import { version } from "../../app/version.ts";
import { describeError, reportError } from "../../app/exit-code.ts";
import { parseArguments, separateCommand, type SeparatedWords } from "./arguments.ts";
import type { Command, CommandContext, Edges } from "./command.ts";
import { commands } from "./commands.ts";
import { watchDelivery } from "./delivery.ts";
import { noCommand, resolveCommand } from "./find-command.ts";
import { createOutput, type Output } from "./output.ts";
import { commandHelp, overview } from "./usage.ts";
import { loadWidths } from "./width.ts";

/**
 * Runs the `migrate` program and returns its exit code. Never throws and never exits by itself. Whoever stops reading
 * the answer (`| head -1`) has what it wants; an answer that cannot be written otherwise is never a success.
 */
export async function runMigrate(argv: readonly string[], edges: Edges): Promise<number> {
  const delivery = watchDelivery(edges.stdout);
  // Nobody reading the log is no reason to stop a migration.
  watchDelivery(edges.stderr);
  const exitCode = await runAndReport(argv, edges);
  const failure = await delivery();
  if (failure === undefined || codeOf(failure) === "EPIPE") return exitCode;
  const message = `The answer could not be written to stdout: ${failure.message}. What was done stays done; \`migrate status\` shows it.`;
  const undelivered = reportError(new AppError("internal", message, { cause: failure }), edges.stderr);
  return exitCode === 0 ? undelivered : exitCode;
}

async function runAndReport(argv: readonly string[], edges: Edges): Promise<number> {
  let output: Output | undefined;
  try {
    const words = separateCommand(argv);
    return (
      showHelp(words, edges) ?? (await runCommand(words, edges, (created: Output) => (output = created)))
    );
  } catch (error) {
    const reason: unknown = edges.signal.aborted ? edges.signal.reason : error;
    output ??= createEarlyOutput(argv, edges);
    output.answer({ error: describeError(reason) });
    return output.fail(reason);
  }
}

/** What is asked of the program itself; undefined when a command is to run. */
function showHelp({ name, rest }: SeparatedWords, { stdout, stderr }: Edges): number | undefined {
  if (name === undefined && !rest.some((word) => helpWords.has(word))) {
    if (rest.includes("--version")) return showVersion(rest, stdout);
    if (stderr.isTTY !== true || rest.length > 0) throw noCommand();
    stderr.write(overview(commands));
    return 2;
  }
  if (name === "version") return showVersion(rest, stdout);
  const asked = name === "help" ? rest.find((word) => !word.startsWith("-")) : name;
  if (name !== undefined && name !== "help" && !rest.some((word) => helpWords.has(word))) return undefined;
  stdout.write(asked === undefined ? overview(commands) : commandHelp(resolveCommand(asked)));
  return 0;
}

const helpWords: ReadonlySet<string> = new Set(["--help", "-h"]);

function showVersion(rest: readonly string[], stdout: Edges["stdout"]): number {
  stdout.write(rest.includes("--json") ? `${JSON.stringify({ version })}\n` : `headgate ${version}\n`);
  return 0;
}

async function runCommand(
  { name, rest }: SeparatedWords,
  edges: Edges,
  onOutput: (output: Output) => void,
): Promise<number> {
  const command: Command = resolveCommand(name!);
  const { positionals, flags, settings } = parseArguments(command, rest);
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
