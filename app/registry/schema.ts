import type { Database, Statement } from "./statement.ts";

/**
 * Statements name the registry's relations and types with this word for their schema. Which schema that is, the search
 * path of the role says, as for any other client; but the statements themselves run under a path of our own, so that
 * they call nothing that a stranger has overloaded. So the schema is looked up once, and written into them.
 */
const placeholder = /\bregistry\./g;

/** What has been found, by pool or connection. */
const found = new WeakMap<Database, string>();

/**
 * The statement as it is sent. Where the tables are not there yet, their names stay bare, and the server says so.
 *
 * @throws what the server or the network throws
 */
export async function inItsSchema<Row>(
  database: Database,
  statement: Statement<Row>,
): Promise<Statement<Row>> {
  // The question for the snapshot names no relation, and is asked with every request.
  if (!statement.text.includes("registry.")) return statement;
  const schema = await schemaOf(database);
  const { qualifier, suffix, texts } = writtenIn(schema);
  let text = texts.get(statement.text);
  if (text === undefined) {
    // A function, since `$` means something in a text that replaces.
    text = statement.text.replaceAll(placeholder, () => qualifier);
    texts.set(statement.text, text);
  }
  // PostgreSQL keeps a prepared statement under its name: the same one in another schema needs another name.
  const name = statement.name === "" ? "" : `${statement.name}${suffix}`;
  return { name, text, values: statement.values };
}

/** The schema of the registry's tables; undefined where they are not there yet. */
export async function schemaOf(database: Database): Promise<string | undefined> {
  return found.get(database) ?? (await lookUp(database));
}

/** The schema that was found for one is that of the other: a connection of a pool. */
export async function shareSchema(pool: Database, connection: Database): Promise<void> {
  const schema = found.get(pool) ?? (await lookUp(connection));
  if (schema === undefined) return;
  found.set(pool, schema);
  found.set(connection, schema);
}

/** The tables may have been moved: they are looked up again. */
export function forgetSchema(database: Database): void {
  found.delete(database);
}

/** The text with bare names. */
export function withBareNames(text: string): string {
  return text.replaceAll(placeholder, "");
}

/** Runs under any search path: everything in it is qualified. A pool's connections keep that of their role aside. */
const lookUpText = `SELECT n.nspname::pg_catalog.text AS schema
  FROM pg_catalog.unnest(coalesce(pg_catalog.current_setting('headgate.role_path', true)::pg_catalog.text[],
                                  pg_catalog.current_schemas(false)::pg_catalog.text[])) WITH ORDINALITY AS p (name, place)
  JOIN pg_catalog.pg_namespace n ON n.nspname::pg_catalog.text OPERATOR(pg_catalog.=) p.name
  JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
       AND c.relname::pg_catalog.text OPERATOR(pg_catalog.=) 'server_version'::pg_catalog.text
 ORDER BY p.place LIMIT 1`;

async function lookUp(database: Database): Promise<string | undefined> {
  const { rows } = await database.query({ name: "", text: lookUpText, values: [] });
  const [row] = rows as { schema: string }[];
  if (row !== undefined) found.set(database, row.schema);
  return row?.schema;
}

/** The texts of statements that have been written for one schema. */
interface Written {
  readonly qualifier: string;
  readonly suffix: string;
  readonly texts: Map<string, string>;
}

const written = new Map<string | undefined, Written>();

function writtenIn(schema: string | undefined): Written {
  let known = written.get(schema);
  if (known === undefined) {
    const qualifier = schema === undefined ? "" : `"${schema.replaceAll('"', '""')}".`;
    known = { qualifier, suffix: written.size === 0 ? "" : `@${written.size}`, texts: new Map() };
    written.set(schema, known);
  }
  return known;
}
