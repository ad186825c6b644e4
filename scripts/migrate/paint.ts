import { styleText } from "node:util";

export interface Paint {
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  faint(text: string): string;
}

/** Colours, or the words as they are. */
export function createPaint(hasColors: boolean): Paint {
  const paint = (style: "green" | "yellow" | "red" | "dim") => (text: string) =>
    // Whether there are colours is decided by us, not by what this process' own stdout is.
    hasColors ? styleText(style, text, { validateStream: false }) : text;
  return { good: paint("green"), warning: paint("yellow"), bad: paint("red"), faint: paint("dim") };
}

/**
 * Whether a terminal may be written to in colours: not with NO_COLOR (https://no-color.org: any value but an empty one)
 * and not where it is a dumb one.
 */
export function mayPaint(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
