import type { ClientBase } from "pg";

/** A type of PostgreSQL as node-postgres takes and gives it. */
export interface TypescriptType {
  /** As a parameter. */
  readonly taken: string;
  /** In a row; undefined: node-postgres gives something that nobody should rely on. */
  readonly given: string | undefined;
}

export interface EnumType {
  readonly name: string;
  readonly labels: readonly string[];
}

const scalars: Readonly<Record<string, TypescriptType>> = {
  text: { taken: "string", given: "string" },
  varchar: { taken: "string", given: "string" },
  name: { taken: "string", given: "string" },
  bool: { taken: "boolean", given: "boolean" },
  int2: { taken: "number", given: "number" },
  int4: { taken: "number", given: "number" },
  // Beyond 2^53 a number would lie.
  int8: { taken: "number | string", given: "string" },
  json: { taken: "string", given: "unknown" },
  jsonb: { taken: "string", given: "unknown" },
  timestamptz: { taken: "string | Date", given: "Date" },
  void: { taken: "never", given: "unknown" },
};

interface TypeRow {
  readonly oid: number;
  readonly name: string;
  readonly element: number | null;
  readonly labels: readonly string[] | null;
}

/** The types of a database, by object identifier. */
export class TypeTable {
  readonly #rows: ReadonlyMap<number, TypeRow>;
  readonly #enums = new Map<string, EnumType>();

  private constructor(rows: readonly TypeRow[]) {
    this.#rows = new Map(rows.map((row) => [row.oid, row]));
  }

  static async read(client: ClientBase): Promise<TypeTable> {
    const { rows } = await client.query<TypeRow>(
      `SELECT t.oid::int, t.typname AS name, CASE WHEN t.typcategory = 'A' THEN t.typelem::int END AS element,
              (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid) AS labels
         FROM pg_type AS t`,
    );
    return new TypeTable(rows);
  }

  /** The enums that have been asked for, by name. */
  enums(): EnumType[] {
    return [...this.#enums.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws Error for a type that nobody has decided about: add it to the table above */
  typeOf(oid: number): TypescriptType {
    const row = this.#rows.get(oid);
    if (row === undefined) throw new Error(`PostgreSQL has no type ${oid}`);
    if (row.labels !== null) {
      const name = row.name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
      this.#enums.set(name, { name, labels: row.labels });
      return { taken: name, given: name };
    }
    if (row.element !== null) {
      const { taken } = this.typeOf(row.element);
      // In rows only some arrays come parsed.
      return { taken: `readonly (${taken} | null | undefined)[]`, given: undefined };
    }
    const known = scalars[row.name];
    if (known === undefined) throw new Error(`no TypeScript type is known for PostgreSQL's ${row.name}`);
    return known;
  }
}
