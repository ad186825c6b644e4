import type { Queryable } from "../queryable.ts";
import type { TableShape } from "./tools.ts";

/** Every table of the database with its columns, in the order of names; those of the system and of extensions aside. */
export async function readTableShapes(database: Queryable): Promise<readonly TableShape[]> {
  const { rows } = await database.query(
    `SELECT n.nspname::text AS schema, c.relname::text AS name,
            ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS columns
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f', 'm') AND n.nspname::text <> 'information_schema'::text AND n.nspname::text !~ '^pg_'::text
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY n.nspname::text, c.relname::text`,
  );
  return rows as TableShape[];
}
