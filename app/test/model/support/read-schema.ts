import type { Session } from "../../../database/session.ts";
import { baseName } from "./content.ts";
import { describeSchema } from "./schema-state.ts";
import type { Looked } from "./stage.ts";

interface Row {
  readonly names: readonly string[] | null;
  readonly counter: string;
  readonly tables: readonly number[] | null;
  readonly columns: readonly number[] | null;
  readonly indexes: readonly (readonly [number, boolean])[] | null;
  readonly partitions: readonly (readonly [number, string])[] | null;
}

const query = `
  SELECT (SELECT json_agg(name ORDER BY name) FROM schema_migrations WHERE name <> '${baseName}') AS names,
         (SELECT v FROM counter) AS counter,
         (SELECT json_agg(substr(relname, 3)::int) FROM pg_class WHERE relkind = 'r' AND relname ~ '^t_') AS tables,
         (SELECT json_agg(substr(attname, 3)::int) FROM pg_attribute WHERE attrelid = 'base'::regclass AND attname ~ '^c_' AND NOT attisdropped) AS columns,
         (SELECT json_agg(json_build_array(substr(relname, 3)::int, indisvalid)) FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname ~ '^i_') AS indexes,
         (SELECT json_agg(json_build_array(substr(relname, 3)::int, CASE WHEN inhrelid IS NULL THEN 'detached' WHEN inhdetachpending THEN 'pending' ELSE 'attached' END))
            FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid WHERE relkind = 'r' AND relname ~ '^p_') AS partitions`;

/** What is there: names in the table of applied names, and the schema in words. */
export async function readSchema({ client }: Session): Promise<Looked> {
  const { rows } = await client.query<Row>(query);
  const { names, counter, tables, columns, indexes, partitions } = rows[0]!;
  const schema = describeSchema({
    counter: Number(counter),
    tables: new Set(tables),
    columns: new Set(columns),
    indexes: new Map((indexes ?? []).map(([id, isValid]) => [id, isValid ? "valid" : "invalid"])),
    partitions: new Map(
      (partitions ?? []).flatMap(([id, state]) =>
        state === "pending" || state === "detached" ? [[id, state] as const] : [],
      ),
    ),
  });
  return { names: names ?? [], schema };
}
