import { appendFileSync } from "node:fs";

/** Adds a measured figure to the file that HEADGATE_FIGURES names, if it names one; nothing is judged by it. */
export function report(what: string, milliseconds: number): void {
  const file = process.env["HEADGATE_FIGURES"];
  if (file) appendFileSync(file, `${Math.round(milliseconds).toString().padStart(7)} ms  ${what}\n`);
}
