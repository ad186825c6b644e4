import { nameOf, notOfExtension, ours, type CatalogueQuery } from "./query-parts.ts";

/** Kinds of things that differ without anybody noticing: worth a note, and no more. */
export const columnOrder = "column order";
export const notNullName = "name of NOT NULL";

export const noteQueries: readonly CatalogueQuery[] = [
  {
    key: "c.oid",
    kind: `'${columnOrder}'`,
    name: nameOf("n", "c.relname"),
    definition:
      "(SELECT json_agg(a.attname ORDER BY a.attnum)::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)",
    from: "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `c.relkind IN ('r', 'p', 'f') AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "c.oid",
  },
  {
    // PostgreSQL 18 gives them names.
    key: "k.oid",
    kind: `'${notNullName}'`,
    name: `(SELECT ${nameOf("n", "c.relname", "a.attname")} FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1])`,
    definition: "k.conname::text",
    from: "pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `k.contype = 'n' AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "k.conrelid",
  },
];
