export const shells = ["bash", "zsh", "fish"] as const;

/** What may follow the program's name, and what may follow that. */
export interface CompletionWords {
  readonly word: string;
  readonly summary: string;
  readonly flags: readonly string[];
}

/** A script for the shell to read; it completes `migrate`. Nothing in it is evaluated but the words themselves. */
export function completionScript(
  shell: (typeof shells)[number],
  commands: readonly CompletionWords[],
): string {
  return { bash, zsh, fish }[shell](commands);
}

function bash(commands: readonly CompletionWords[]): string {
  return `# bash completion for migrate
_migrate() {
	local words cur="\${COMP_WORDS[COMP_CWORD]}"
	if [ "$COMP_CWORD" = 1 ]; then
		words="${commands.map(({ word }) => word).join(" ")}"
	else
		case "\${COMP_WORDS[1]}" in
${commands.map(({ word, flags }) => `			${word}) words="${flags.join(" ")}" ;;`).join("\n")}
			*) words="" ;;
		esac
	fi
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
	case "\${words[2]}" in
${commands.map(({ word, flags }) => `		${word}) compadd -- ${flags.join(" ")} ;;`).join("\n")}
	esac
	_files
}
compdef _migrate migrate
`;
}

function fish(commands: readonly CompletionWords[]): string {
  const lines = commands.flatMap(({ word, summary, flags }) => [
    `complete -c migrate -n __fish_use_subcommand -f -a ${word} -d ${quotedForFish(summary)}`,
    ...flags.map(
      (flag) =>
        `complete -c migrate -n "__fish_seen_subcommand_from ${word}" ${flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`}`,
    ),
  ]);
  return `# fish completion for migrate\n${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In fish a quote inside quotes is escaped by a backslash. */
function quotedForFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
