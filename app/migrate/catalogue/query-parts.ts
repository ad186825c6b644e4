/** How one kind of thing is read from pg_catalog; every field is SQL. */
export interface CatalogueQuery {
  /** Tells the thing from others of its query as long as it exists: its object identifier. */
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  readonly definition: string;
  readonly from: string;
  readonly where: string;
  /** The identifier of the relation or function that the thing is part of; a thing without one stands alone. */
  readonly relation?: string;
  readonly function?: string;
}

/** The members of extensions, for `notOfExtension`; the first part of every statement made of catalogue queries. */
export const withMembers =
  "WITH member AS MATERIALIZED (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')";

/** Not the server's own schema, and no session's temporary one. */
export function ours(namespace: string): string {
  return `${namespace}.nspname !~ '^pg_' AND ${namespace}.nspname <> 'information_schema'`;
}

/** @param catalogue its name, or an expression for its identifier */
export function notOfExtension(catalogue: string, oid: string): string {
  const classId = catalogue.includes(".") ? catalogue : `'${catalogue}'::regclass`;
  return `NOT EXISTS (SELECT FROM member x WHERE x.classid = ${classId} AND x.objid = ${oid})`;
}

export function nameOf(namespace: string, ...parts: readonly string[]): string {
  return `format('${["%I", ...parts.map(() => "%I")].join(".")}', ${[`${namespace}.nspname`, ...parts].join(", ")})`;
}

/** An array of options, in order; null when there are none. */
export function options(array: string): string {
  return `(SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(${array}) AS o)`;
}

/** Who may do what, whatever the order in which it was granted. */
export function grants(acl: string): string {
  return `(SELECT string_agg(format('%s: %s%s', CASE x.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(x.grantee)::text END, x.privilege_type, CASE WHEN x.is_grantable THEN ' with grant' ELSE '' END), ', '
            ORDER BY x.grantee, x.privilege_type) FROM aclexplode(${acl}) AS x)`;
}

/** Nothing granted yet and exactly the default granted are the same. */
export function privileges(
  what: string,
  catalogue: string,
  acl: string,
  owner: string,
  kind: string,
  name: string,
  namespace: string,
  unit?: "relation" | "function",
): CatalogueQuery {
  return {
    key: "o.oid",
    kind: "'privilege'",
    name: `'${what} ' || ${name}`,
    definition: grants(acl),
    from: `${catalogue} o JOIN pg_namespace n ON n.oid = ${namespace}`,
    where: `${acl} IS NOT NULL AND ${acl} <> acldefault((${kind})::"char", ${owner}) AND ${ours("n")} AND ${notOfExtension(catalogue, "o.oid")}`,
    ...(unit === undefined ? {} : { [unit]: "o.oid" }),
  };
}
