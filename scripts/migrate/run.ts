import { version } from "../../app/version.ts";
import { separateCommand, type SeparatedWords } from "./arguments.ts";
import type { Edges } from "./command.ts";
import { commands } from "./commands.ts";
import { noCommand, resolveCommand } from "./find-command.ts";
import { perform, runCommand } from "./perform.ts";
import { commandHelp, overview } from "./usage.ts";

/** Runs the `migrate` program and returns its exit code. Never throws and never exits by itself. */
export async function runMigrate(argv: readonly string[], edges: Edges): Promise<number> {
  return await perform(argv, edges, async (onOutput) => {
    const words = separateCommand(argv);
    return (
      showHelp(words, edges) ?? (await runCommand(resolveCommand(words.name!), words.rest, edges, onOutput))
    );
  });
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
