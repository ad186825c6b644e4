/** What a relation consists of: catalogue, the relation's identifier in it, what tells its rows apart. */
const partsOfRelations: readonly (readonly [catalogue: string, relation: string, part: string])[] = [
  ["pg_class", "oid", "oid"],
  ["pg_attribute", "attrelid", "attnum"],
  ["pg_attrdef", "adrelid", "oid"],
  ["pg_constraint", "conrelid", "oid"],
  ["pg_index", "indexrelid", "indrelid"],
  ["pg_trigger", "tgrelid", "oid"],
  ["pg_policy", "polrelid", "oid"],
  ["pg_inherits", "inhrelid", "inhparent"],
  ["pg_sequence", "seqrelid", "seqrelid"],
  ["pg_partitioned_table", "partrelid", "partrelid"],
  ["pg_foreign_table", "ftrelid", "ftserver"],
];

/** Objects that come with a server have lower identifiers. */
const firstOurs = 16384;

/**
 * SQL for a JSON object: of each relation a number that is another one as soon as any row that it consists of came,
 * went or was written anew. A row is told by the transaction that wrote it, as its distance from a fixed one: of all ways
 * to get a number from that, subtraction costs least.
 */
export const relationStamps = `(SELECT json_object_agg(relation, stamp) FROM (
  SELECT relation, sum(stamp)::text AS stamp FROM (
    ${partsOfRelations.map(([catalogue, relation, part], index) => `SELECT ${relation} AS relation, ${stampOf("xmin", part, index)} AS stamp FROM pg_catalog.${catalogue} WHERE ${relation} >= ${firstOurs}`).join(" UNION ALL ")}
    UNION ALL SELECT d.objid, ${stampOf("d.xmin", "d.refobjid", 20)} + d.refobjsubid FROM pg_catalog.pg_sequence s
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.seqrelid AND d.deptype IN ('a', 'i')
    UNION ALL SELECT d.objoid, ${stampOf("d.xmin", "d.objsubid", 21)} FROM pg_catalog.pg_description d
     WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid >= ${firstOurs}) AS parts
   WHERE relation NOT IN (SELECT t.oid FROM pg_catalog.pg_class t WHERE t.relnamespace = 'pg_toast'::regnamespace)
   GROUP BY relation) AS stamps)`;

/** The same of functions, procedures and aggregates. */
export const functionStamps = `(SELECT json_object_agg(oid, (${stampOf("xmin", "oid", 0)})::text) FROM pg_catalog.pg_proc WHERE oid >= ${firstOurs})`;

function stampOf(xmin: string, part: string, index: number): string {
  return `(age('3'::xid)::bigint - age(${xmin})) * 1000003 + ${part}::int8 * 7919 + ${index}`;
}

/**
 * SQL for a JSON object: the names that definitions mention and that are no entry with a name of its own. Where one of
 * them is another one than before, what mentions it reads differently, although none of its rows was written anew:
 * a default `'calm'::mood` after ALTER TYPE … RENAME VALUE.
 */
export const mentionedNames = `(SELECT json_object_agg(key, name) FROM (
  SELECT 'label ' || oid AS key, enumlabel::text AS name FROM pg_catalog.pg_enum
  UNION ALL SELECT 'role ' || oid, rolname::text FROM pg_catalog.pg_roles WHERE oid >= ${firstOurs}
  UNION ALL SELECT 'tablespace ' || oid, spcname::text FROM pg_catalog.pg_tablespace WHERE oid >= ${firstOurs}
  UNION ALL SELECT 'schema of extension ' || oid, extnamespace::regnamespace::text FROM pg_catalog.pg_extension
  UNION ALL SELECT 'type ' || oid, typnamespace || ' ' || typname FROM pg_catalog.pg_type WHERE oid >= ${firstOurs} AND typtype IN ('b', 'd', 'e', 'r', 'm') AND typcategory <> 'A'
  UNION ALL SELECT 'operator ' || oid, oprnamespace || ' ' || oprname FROM pg_catalog.pg_operator WHERE oid >= ${firstOurs}
  UNION ALL SELECT 'operator class ' || oid, opcnamespace || ' ' || opcname FROM pg_catalog.pg_opclass WHERE oid >= ${firstOurs}
  UNION ALL SELECT 'collation ' || oid, collnamespace || ' ' || collname FROM pg_catalog.pg_collation WHERE oid >= ${firstOurs}
  UNION ALL SELECT 'configuration ' || oid, cfgnamespace || ' ' || cfgname FROM pg_catalog.pg_ts_config WHERE oid >= ${firstOurs}
  UNION ALL SELECT 'dictionary ' || oid, dictnamespace || ' ' || dictname FROM pg_catalog.pg_ts_dict WHERE oid >= ${firstOurs}
  UNION ALL SELECT 'server ' || oid, srvname::text FROM pg_catalog.pg_foreign_server
  UNION ALL SELECT 'language ' || oid, lanname::text FROM pg_catalog.pg_language WHERE oid >= ${firstOurs}
  UNION ALL SELECT 'access method ' || oid, amname::text FROM pg_catalog.pg_am WHERE oid >= ${firstOurs}) AS names)`;
