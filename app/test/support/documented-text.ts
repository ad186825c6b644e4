import type { CodeBlock } from "./markdown.ts";

export interface Documented {
  readonly command: string;
  /** As its comment says (`# exit 3`), else 0. */
  readonly code: number;
}

/** The commands of a block of shell: one a line, a backslash joins two; comments tell the exit code. */
export function commandsOf(text: string): Documented[] {
  return text
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => {
      const [, command = "", comment = ""] = /^(.*?)((?:^|\s+)#.*)?$/.exec(line)!;
      return { command: command.trim(), code: Number(/\bexit (\d+)/.exec(comment)?.[1] ?? 0) };
    })
    .filter(({ command }) => command !== "");
}

export interface TypedLine {
  readonly command: string;
  /** Undefined where the next line asks for it (`echo $?`). */
  readonly code: number | undefined;
  readonly output: string;
}

/** What was typed after each `$ ` of a transcript, and what it printed. */
export function typedLines({ text }: CodeBlock): TypedLine[] {
  const lines = text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [, typed = "", output = ""] = /^((?:.*\\\n)*.*)\n?([^]*)$/.exec(part)!;
      const [first = { command: typed, code: 0 }] = commandsOf(typed);
      return { ...first, output: output.trim() };
    });
  return lines.map((line, index) =>
    lines[index + 1]?.command === "echo $?" ? { ...line, code: undefined } : line,
  );
}

/** Matches what was printed: `…` stands for anything, and lines may be broken elsewhere. */
export function patternOf(output: string): RegExp {
  const pieces = output.split("…").map((piece) =>
    piece
      .split(/\s+/)
      .map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
      .join(String.raw`\s*`),
  );
  return new RegExp(pieces.join("[^]*?"));
}

/** The command as it is on the PATH of the image, for what npm, a script or Compose hands on. */
export function plainCommand(command: string): string {
  return command.replaceAll(
    /\bnpm run (migrate|registry) -- |scripts\/(migrate)\.sh (?:--build )?|docker compose exec (?:-T )?app (migrate|registry) /g,
    (_all, npm?: string, script?: string, compose?: string) => `${npm ?? script ?? compose} `,
  );
}
