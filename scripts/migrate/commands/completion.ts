import { settingFlags } from "../../../app/config/load.ts";
import { settings, type Setting } from "../../../app/config/settings.ts";
import { globalFlags, usage } from "../arguments.ts";
import type { Command, CommandFlag } from "../command.ts";
import { completionScript, shells, type CompletionFlag, type CompletionWords } from "../completion.ts";

/** Needs the table that it stands in, and is told of it when it runs. */
export function createCompletion(allCommands: () => readonly Command[]): Command {
  const completion: Command = {
    name: "completion",
    summary: "print a script that completes commands and flags in your shell",
    description:
      "The script completes commands, flags and values that are fixed. Nothing is asked of a database.",
    arguments: "SHELL",
    argumentChoices: shells,
    example: "migrate completion bash > /etc/bash_completion.d/migrate",
    examples: [
      "migrate completion zsh > ~/.zfunc/_migrate",
      "migrate completion fish > ~/.config/fish/completions/migrate.fish",
    ],
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

/** Every command and alias with its flags; for the completion. */
export function wordsOf(commands: readonly Command[]): CompletionWords[] {
  const everywhere = [...flagsOf(globalFlags), ...settingWords];
  return commands.flatMap(({ name, aliases = [], summary, argumentChoices = [], flags = {} }) =>
    [name, ...aliases].map((word) => ({
      word,
      summary,
      choices: argumentChoices,
      flags: [...flagsOf(flags), ...everywhere],
    })),
  );
}

function flagsOf(flags: Readonly<Record<string, CommandFlag>>): CompletionFlag[] {
  return Object.entries(flags)
    .filter(([name]) => !settingFlags.includes(`--${name}`))
    .map(([name, { value, choices = [] }]) => ({
      flag: name.length > 1 ? `--${name}` : `-${name}`,
      takesValue: value !== undefined,
      choices,
    }));
}

/** The settings that have a flag; `--config` is one of them. */
const settingWords: readonly CompletionFlag[] = settingFlags.map((flag) => {
  const setting = (Object.values(settings) as Setting[]).find((each) => each.flag === flag);
  return { flag, takesValue: true, choices: typeof setting?.type === "object" ? setting.type : [] };
});
