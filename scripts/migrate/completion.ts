export const shells = ["bash", "zsh", "fish"] as const;

/** What may follow the program's name, and what may follow that. */
export interface CompletionWords {
  readonly word: string;
  readonly summary: string;
  /** All that its argument may be, where that is fixed. */
  readonly choices: readonly string[];
  readonly flags: readonly CompletionFlag[];
}

export interface CompletionFlag {
  /** With its hyphens. */
  readonly flag: string;
  readonly takesValue: boolean;
  /** All that its value may be, where that is fixed; otherwise a file is offered. */
  readonly choices: readonly string[];
}

/** A script for the shell to read; it completes `migrate`. Nothing in it is evaluated but the words themselves. */
export function completionScript(
  shell: (typeof shells)[number],
  commands: readonly CompletionWords[],
): string {
  return { bash, zsh, fish }[shell](commands);
}

function bash(commands: readonly CompletionWords[]): string {
  const names = commands.map(({ word }) => word);
  return `# bash completion for migrate
_migrate() {
	local words="" command="" word cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}"
	# Readline takes --flag=value for three words.
	if [ "$cur" = "=" ]; then cur=""; elif [ "$prev" = "=" ]; then prev="\${COMP_WORDS[COMP_CWORD - 2]}"; fi
	for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case "$word" in
			${names.join(" | ")}) command="$word"; break ;;
		esac
	done
	case "$command $prev" in
${valuesOf(commands)
  .map(([command, flag, choices]) => `		"${command} ${flag}") words="${choices.join(" ")}" ;;`)
  .join("\n")}
		*)
			case "$command" in
				"") words="${names.join(" ")}" ;;
${commands.map(({ word, choices, flags }) => `				${word}) words="${[...choices, ...flags.map(({ flag }) => flag)].join(" ")}" ;;`).join("\n")}
			esac ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _migrate migrate
`;
}

function zsh(commands: readonly CompletionWords[]): string {
  return `#compdef migrate
_migrate() {
	if (( CURRENT == 2 )); then
		local -a names=(
${commands.map(({ word, summary }) => `			${quoted(`${word}:${summary.replaceAll(":", "\\:")}`)}`).join("\n")}
		)
		_describe command names
		return
	fi
	case "\${words[2]} \${words[CURRENT - 1]}" in
${valuesOf(commands)
  .map(([command, flag, choices]) => `		"${command} ${flag}") compadd -- ${choices.join(" ")}; return ;;`)
  .join("\n")}
	esac
	case "\${words[2]}" in
${commands.map(({ word, choices, flags }) => `		${word}) compadd -- ${[...choices, ...flags.map(({ flag }) => flag)].join(" ")} ;;`).join("\n")}
	esac
	_files
}
# Read by compinit from a folder of functions, this file is the function itself at its first call.
if [[ "\${funcstack[1]}" = _migrate ]]; then _migrate "$@"; else compdef _migrate migrate; fi
`;
}

function fish(commands: readonly CompletionWords[]): string {
  const lines = commands.flatMap(({ word, summary, choices, flags }) => {
    const after = `complete -c migrate -n "__fish_seen_subcommand_from ${word}"`;
    return [
      `complete -c migrate -n __fish_use_subcommand -f -a ${word} -d ${quotedForFish(summary)}`,
      ...(choices.length === 0 ? [] : [`${after} -f -a "${choices.join(" ")}"`]),
      ...flags.map(({ flag, takesValue, choices: values }) => {
        const spelling = flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
        const value = values.length > 0 ? ` -x -a "${values.join(" ")}"` : takesValue ? " -r" : "";
        return `${after} ${spelling}${value}`;
      }),
    ];
  });
  return `# fish completion for migrate\n${lines.join("\n")}\n`;
}

/** Flags whose value is one of a few. */
function valuesOf(
  commands: readonly CompletionWords[],
): [command: string, flag: string, choices: readonly string[]][] {
  return commands.flatMap(({ word, flags }) =>
    flags
      .filter(({ choices }) => choices.length > 0)
      .map(({ flag, choices }): [string, string, readonly string[]] => [word, flag, choices]),
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In fish a quote inside quotes is escaped by a backslash. */
function quotedForFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
