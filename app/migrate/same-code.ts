import { isDeepStrictEqual } from "node:util";
import { parseDirectives } from "./directives.ts";
import type { History, KnownMigration } from "./history.ts";
import { storedDirectives } from "./ledger.ts";
import { readMigrationText, withLineFeeds } from "./migration-text.ts";
import type { MigrationSession } from "./migration-session.ts";
import type { IsSameCode } from "./repair-plan.ts";
import { readKeptTexts } from "./run-texts.ts";
import { ownText } from "./section-text.ts";
import { isParseFailure, largestParsed, parseStatements } from "./statements.ts";

/** Tells of each changed file of a history whether it does what was recorded: only comments and white space differ. */
export async function readSameCode(
  { session, tables }: MigrationSession,
  { conflicts, applied }: Pick<History, "conflicts" | "applied">,
): Promise<IsSameCode> {
  const same = new Set<string>();
  for (const { kind, name } of conflicts) {
    const file = applied.find((entry) => entry.file.name === name)?.file;
    if (kind !== "changed" || file === undefined) continue;
    const kept = await readKeptTexts(session.client, tables, name);
    if (kept?.upText && (await isSameText(file, kept.upText))) same.add(name);
  }
  return ({ name }) => same.has(name);
}

async function isSameText(file: KnownMigration, recorded: string): Promise<boolean> {
  const content = readMigrationText(file.upPath);
  if (typeof content === "string" || file.kind === "code") return false;
  const own = ownText(file, "up", content.text);
  const directivesOf = (text: string): unknown =>
    storedDirectives(parseDirectives(text, file.kind, file.name, []));
  if (!isDeepStrictEqual(directivesOf(own), directivesOf(recorded))) return false;
  const [now, before] = [await treesOf(own), await treesOf(recorded)];
  return now !== undefined && before !== undefined && isDeepStrictEqual(now, before);
}

/** The statements without the places at which they stand; undefined where the text cannot be parsed. */
async function treesOf(text: string): Promise<unknown> {
  if (text.length > largestParsed) return undefined;
  // An earlier release kept LF line ends only, also in literals; a checkout may have others.
  const statements = await parseStatements(withLineFeeds(text));
  return isParseFailure(statements) ? undefined : statements.map(({ tree }) => withoutPlaces(tree));
}

function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) =>
      /(?:^|_)(?:location|len)$/.test(key) && typeof part === "number" ? [] : [[key, withoutPlaces(part)]],
    ),
  );
}
