import { settingFlags } from "../../../app/config/load.ts";
import { globalFlags, usage } from "../arguments.ts";
import type { Command } from "../command.ts";
import { completionScript, shells, type CompletionWords } from "../completion.ts";

/** Needs the table that it stands in, and is told of it when it runs. */
export function createCompletion(allCommands: () => readonly Command[]): Command {
  const completion: Command = {
    name: "completion",
    summary: "print a script that completes commands and flags in your shell",
    arguments: "SHELL",
    example: "migrate completion bash > /etc/bash_completion.d/migrate",
    run: async (context) => {
      const [shell, ...more] = context.positionals;
      const known = shells.find((name) => name === shell);
      if (known === undefined || more.length > 0)
        throw usage(completion, `Say which shell: ${shells.join(", ")}.`);
      const script = completionScript(known, wordsOf(allCommands()));
      context.answer({ shell: known, script });
      context.say(script.trimEnd());
      return 0;
    },
  };
  return completion;
}

function wordsOf(commands: readonly Command[]): CompletionWords[] {
  const everywhere = [...Object.keys(globalFlags).map((name) => `--${name}`), ...settingFlags];
  return commands.flatMap(({ name, aliases = [], summary, flags = {} }) =>
    [name, ...aliases].map((word) => ({
      word,
      summary,
      flags: [
        ...Object.keys(flags).flatMap((flag) => (flag.length > 1 ? [`--${flag}`] : [`-${flag}`])),
        ...everywhere,
      ],
    })),
  );
}
