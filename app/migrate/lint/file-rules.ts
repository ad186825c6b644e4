import type { Directives } from "../directives.ts";
import type { MigrationFile } from "../files.ts";
import type { OwnRemark } from "./rules.ts";

/** How many digits most versions of a folder have; of two equally frequent widths the smaller. */
export function usualWidth(files: readonly Pick<MigrationFile, "versionText">[]): number {
  const counts = new Map<number, number>();
  for (const { versionText } of files)
    counts.set(versionText.length, (counts.get(versionText.length) ?? 0) + 1);
  return [...counts].toSorted(([a, countA], [b, countB]) => countB - countA || a - b)[0]?.[0] ?? 0;
}

/** What is to be said of a migration by its name, its files and its directives. All of it is said of the up. */
export function judgeFiles(
  file: MigrationFile,
  text: string,
  directives: Directives,
  width: number,
): OwnRemark[] {
  const remarks: OwnRemark[] = [];
  const say = (rule: OwnRemark["rule"], message: string): void =>
    void remarks.push({ rule, offset: 0, message });
  if (!/^\d+(?:_[a-z0-9]+){2,}$/.test(file.name))
    say("name-form", `${file.name} is not of the form NNNNNN_verb_noun in lower case.`);
  if (file.versionText.length !== width) {
    say(
      "version-width",
      `Version ${file.versionText} is not written with ${width} digits, as most versions here are.`,
    );
  }
  if (directives.irreversible === undefined && !hasDown(file, text))
    say("missing-down", `${file.name} has no down, and does not say why.`);
  if (file.kind === "code") {
    say("code-not-judged", "The SQL of a migration in code is made when it runs; it was not judged.");
  }
  return remarks;
}

/** A migration in code without a `down` is reversed by node-pg-migrate, unless it says `down = false`. */
function hasDown({ kind, downPath }: MigrationFile, text: string): boolean {
  return kind === "code"
    ? !/\bexport\s+(?:const|let|var)\s+down\b[^=\n]*=\s*false\b/.test(text)
    : downPath !== undefined;
}
