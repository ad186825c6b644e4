import { grants, notOfExtension, ours, privileges, type CatalogueQuery } from "./query-parts.ts";

/** On anything that has a name. */
const comment = {
  key: "d.classoid || '.' || d.objoid || '.' || d.objsubid",
  kind: "'comment'",
  name: "(SELECT concat_ws(' ', i.type, i.identity) FROM pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i)",
  definition: "d.description",
  from: "pg_description d",
};
const commented = `d.objoid >= 16384 AND ${notOfExtension("d.classoid", "d.objoid")}`;

/** What is said of things, and who may do what with them. */
export const accessQueries: readonly CatalogueQuery[] = [
  {
    ...comment,
    where: `d.classoid = 'pg_class'::regclass AND ${commented}`,
    relation: "d.objoid",
  },
  {
    ...comment,
    where: `d.classoid NOT IN ('pg_class'::regclass, 'pg_extension'::regclass) AND ${commented}`,
  },
  privileges("schema", "pg_namespace", "o.nspacl", "o.nspowner", "'n'", "quote_ident(o.nspname)", "o.oid"),
  privileges(
    "relation",
    "pg_class",
    "o.relacl",
    "o.relowner",
    "CASE o.relkind WHEN 'S' THEN 's' ELSE 'r' END",
    "o.oid::regclass::text",
    "o.relnamespace",
    "relation",
  ),
  privileges(
    "function",
    "pg_proc",
    "o.proacl",
    "o.proowner",
    "'f'",
    "o.oid::regprocedure::text",
    "o.pronamespace",
    "function",
  ),
  privileges("type", "pg_type", "o.typacl", "o.typowner", "'T'", "o.oid::regtype::text", "o.typnamespace"),
  {
    key: "a.attrelid || '.' || a.attnum",
    kind: "'privilege'",
    name: "format('column %s.%I', a.attrelid::regclass, a.attname)",
    definition: grants("a.attacl"),
    from: "pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `a.attacl IS NOT NULL AND NOT a.attisdropped AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "a.attrelid",
  },
  {
    key: "d.oid",
    kind: "'default privilege'",
    name: "concat_ws(' ', pg_get_userbyid(d.defaclrole), d.defaclobjtype::text, n.nspname)",
    definition: grants("d.defaclacl"),
    from: "pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace",
    where: "true",
  },
];
