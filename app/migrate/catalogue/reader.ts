import type { Session } from "../../database/session.ts";
import { noteQueries } from "./note-queries.ts";
import { catalogueQueries } from "./queries.ts";
import { withMembers, type CatalogueQuery } from "./query-parts.ts";
import type { CatalogueEntry } from "./read.ts";
import { functionStamps, mentionedNames, relationStamps } from "./stamps.ts";

/** Reads the schema of one database again and again, each time only what has changed. */
export interface CatalogueReader {
  /** The entries as they are now, those of `noteQueries` among them, in no order. */
  read(): Promise<readonly CatalogueEntry[]>;
}

const queries: readonly CatalogueQuery[] = [...catalogueQueries, ...noteQueries];

type Stamps = Readonly<Record<string, string>>;
/** A row of the server's answer: its query, the relation or function that it is part of, and the entry. */
type Row = readonly [query: number, unit: string | null, key: string, ...entry: [string, string, string]];

/** What was read of one relation, of one function, or of all that stands alone; by query and key. */
type Unit = ReadonlyMap<string, CatalogueEntry>;

/**
 * Formatting a schema of a thousand tables takes the server half a second; looking which of them have changed, a few
 * hundredths. A relation or function is formatted again when a row that it consists of is another one, and everything
 * when something got another name: definitions name other things.
 *
 * @param session used for nothing else: what migrations do to their session must not reach it
 */
export async function createCatalogueReader({ client }: Pick<Session, "client">): Promise<CatalogueReader> {
  // The statements are planned once. Compiling them would take longer than they do.
  await client.query(
    "SET search_path = pg_catalog, pg_temp; SET jit = off; SET plan_cache_mode = force_generic_plan",
  );
  let stamps: { relations: Stamps; functions: Stamps } = { relations: {}, functions: {} };
  let names: Stamps = {};
  let units = new Map<string, Unit>();

  /** @returns whether anything has another name than before */
  async function update(): Promise<boolean> {
    const found = (await client.query<Record<"relations" | "functions" | "names", Stamps | null>>(readStamps))
      .rows[0]!;
    const [relations, functions] = [found.relations ?? {}, found.functions ?? {}];
    const stale = {
      r: Object.keys(relations).filter((oid) => relations[oid] !== stamps.relations[oid]),
      f: Object.keys(functions).filter((oid) => functions[oid] !== stamps.functions[oid]),
    };
    const { rows } = await client.query<{ rows: readonly Row[] | null }>({
      ...readEntries,
      values: [stale.r, stale.f],
    });
    const fresh = new Map<string, Map<string, CatalogueEntry>>([
      ["alone", new Map()],
      ...[...stale.r.map((oid) => `r${oid}`), ...stale.f.map((oid) => `f${oid}`)].map(
        (id): [string, Map<string, CatalogueEntry>] => [id, new Map()],
      ),
    ]);
    for (const [query, unit, key, kind, name, definition] of rows[0]!.rows ?? [])
      fresh.get(unit ?? "alone")!.set(`${query} ${key}`, { kind, name, definition });
    const mentioned = found.names ?? {};
    const mentionsOther = Object.keys(names).some((key) => (mentioned[key] ?? names[key]) !== names[key]);
    const renamed = [...fresh].some(([id, unit]) =>
      [...unit].some(([key, { name }]) => (units.get(id)?.get(key)?.name ?? name) !== name),
    );
    const isLeft = (id: string): boolean =>
      id.startsWith("r") ? id.slice(1) in relations : id.slice(1) in functions;
    units = new Map([...[...units].filter(([id]) => isLeft(id)), ...fresh]);
    stamps = { relations, functions };
    names = mentioned;
    return renamed || mentionsOther;
  }

  return {
    async read() {
      if (await update()) {
        [stamps, units] = [{ relations: {}, functions: {} }, new Map()];
        await update();
      }
      return [...units.values()].flatMap((unit) => [...unit.values()]);
    },
  };
}

const readStamps = {
  name: "stamps",
  text: `SELECT ${relationStamps} AS relations, ${functionStamps} AS functions, ${mentionedNames} AS names`,
};

/** One row, which costs less than thousands. */
const readEntries = {
  name: "entries",
  text: `${withMembers} SELECT json_agg(json_build_array(query, unit, key, kind, name, definition)) AS rows
    FROM (${queries.map(selectChanged).join(" UNION ALL ")}) AS entry (query, unit, key, kind, name, definition)`,
};

function selectChanged(
  { key, kind, name, definition, from, where, relation, function: routine }: CatalogueQuery,
  query: number,
): string {
  const [unit, condition] =
    relation !== undefined
      ? [`'r' || ${relation}`, ` AND ${relation} = ANY ($1::oid[])`]
      : routine !== undefined
        ? [`'f' || ${routine}`, ` AND ${routine} = ANY ($2::oid[])`]
        : ["NULL", ""];
  return `SELECT ${query}, ${unit}, (${key})::text, ${kind}, ${name}, ${definition} FROM ${from} WHERE ${where}${condition}`;
}
