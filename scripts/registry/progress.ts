import type { Output } from "./run.ts";

const quietFor = 2_000;

export interface Progress {
  update(lines: number): void;
  /** A message of its own, not mixed up with the progress line. */
  say(text: string): void;
  end(): void;
}

/** A line that is written over and over on a terminal; elsewhere a new line now and then, and at the end. */
export function createProgress(
  output: Output,
  { activity, now = Date.now }: { readonly activity: string; readonly now?: () => number },
): Progress {
  let spokeAt = -Infinity;
  let isOpen = false;
  let unsaid: string | undefined;
  const close = (): void => {
    if (isOpen) output.write("\n");
    isOpen = false;
  };
  return {
    update(lines) {
      const text = `${activity}: ${formatCount(lines)} lines`;
      if (output.isTTY) {
        output.write(`\r${text}`);
        isOpen = true;
      } else if (now() - spokeAt >= quietFor) {
        output.write(`${text}\n`);
        spokeAt = now();
        unsaid = undefined;
      } else unsaid = text;
    },
    say(text) {
      close();
      output.write(`${text}\n`);
    },
    end() {
      if (unsaid !== undefined) output.write(`${unsaid}\n`);
      unsaid = undefined;
      close();
    },
  };
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
