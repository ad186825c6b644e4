import type { Queryable } from "../queryable.ts";

/** Something that stands in the database, with the statement that takes it away. */
export interface Content {
  /** As PostgreSQL names it: `table public.orders`. */
  readonly name: string;
  readonly drop: string;
  /** Its owner, where our role may not act as that one. */
  readonly foreignOwner: string | null;
}

/**
 * Everything in the database that a migration may have made, in an order in which it can be dropped: what could keep
 * the rest from being dropped first. Not listed: the schema of the ledger and `public` themselves, with their owners and
 * grants; schemas that our role could not make again; extensions that another role installed, and what belongs to an
 * extension; default privileges, settings of the database, roles.
 *
 * @param keptSchema the schema of the ledger
 */
export async function readContents(database: Queryable, keptSchema: string): Promise<Content[]> {
  const { rows } = await database.query(contentsQuery, [keptSchema]);
  return (rows as Record<"type" | "identity" | "foreignOwner", string | null>[]).map(
    ({ type, identity, foreignOwner }) => ({
      name: `${type} ${identity}`,
      drop: dropOf(type ?? "", identity ?? ""),
      foreignOwner,
    }),
  );
}

function dropOf(type: string, identity: string): string {
  // What was made of something dropped before it is gone by then.
  if (type === "large object") return `SELECT pg_catalog.lo_unlink(${identity})`;
  return `DROP ${keywords[type] ?? type.toUpperCase()} IF EXISTS ${identity} CASCADE`;
}

/** Where the statement uses another word than pg_identify_object. */
const keywords: Readonly<Record<string, string>> = {
  "composite type": "TYPE",
  "statistics object": "STATISTICS",
  "foreign-data wrapper": "FOREIGN DATA WRAPPER",
  language: "LANGUAGE",
};

/** Objects that come with a server have lower identifiers. */
const firstOurs = 16384;

/** Whether our role may act as `owner`; it then owns what that one owns. */
function foreign(owner: string): string {
  return `CASE WHEN ${owner} <> 0 AND NOT pg_has_role(${owner}, 'MEMBER') THEN pg_get_userbyid(${owner})::text END`;
}

/** Database-wide things of their own: rank, catalogue, owner. */
const ranked: readonly (readonly [rank: number, catalogue: string, owner: string])[] = [
  // Its function may refuse every later DROP.
  [0, "pg_event_trigger", "evtowner"],
  [1, "pg_publication", "pubowner"],
  [2, "pg_extension", "extowner"],
  [5, "pg_cast", "0::oid"],
  [6, "pg_transform", "0::oid"],
  [7, "pg_foreign_data_wrapper", "fdwowner"],
  [7, "pg_foreign_server", "srvowner"],
  [8, "pg_am", "0::oid"],
  [9, "pg_language", "lanowner"],
];

/**
 * A schema that our role may make again goes with all that is in it; of any other, what is in it goes. All that is in a
 * schema depends on it, whatever it is.
 */
const contentsQuery = `
  WITH member AS MATERIALIZED (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
  owners AS (
    SELECT 'pg_class'::regclass AS classid, oid, relowner AS owner FROM pg_class UNION ALL
    SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc UNION ALL
    SELECT 'pg_type'::regclass, oid, typowner FROM pg_type UNION ALL
    SELECT 'pg_operator'::regclass, oid, oprowner FROM pg_operator UNION ALL
    SELECT 'pg_collation'::regclass, oid, collowner FROM pg_collation UNION ALL
    SELECT 'pg_opclass'::regclass, oid, opcowner FROM pg_opclass UNION ALL
    SELECT 'pg_opfamily'::regclass, oid, opfowner FROM pg_opfamily UNION ALL
    SELECT 'pg_conversion'::regclass, oid, conowner FROM pg_conversion UNION ALL
    SELECT 'pg_ts_config'::regclass, oid, cfgowner FROM pg_ts_config UNION ALL
    SELECT 'pg_ts_dict'::regclass, oid, dictowner FROM pg_ts_dict UNION ALL
    SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_statistic_ext),
  schemas AS (
    SELECT n.oid, n.nspowner,
           n.nspname NOT IN ('public', $1) AND pg_has_role(n.nspowner, 'MEMBER') AND has_database_privilege(current_database(), 'CREATE') AS goes
      FROM pg_namespace n
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = n.oid)),
  inside AS (
    SELECT DISTINCT d.classid, d.objid, s.goes, coalesce(o.owner, 0::oid) AS owner
      FROM schemas s
      JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid AND d.deptype = 'n'
      LEFT JOIN owners o ON o.classid = d.classid AND o.oid = d.objid
     WHERE d.classid NOT IN ('pg_extension'::regclass, 'pg_default_acl'::regclass)
       AND NOT EXISTS (SELECT FROM member m WHERE m.classid = d.classid AND m.objid = d.objid)
       -- A table's row type, a composite type's relation, an identity's sequence depend on what they are part of;
       -- a partitioned table, on its own key.
       AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i'
                          AND (i.refclassid, i.refobjid) <> (d.classid, d.objid))),
  contents AS (
    ${ranked.map(([rank, catalogue, owner]) => `SELECT ${rank} AS rank, '${catalogue}'::regclass AS classid, oid AS objid, ${owner} AS owner FROM ${catalogue} WHERE oid >= ${firstOurs}${catalogue === "pg_extension" ? " AND pg_has_role(extowner, 'MEMBER')" : ""}`).join(" UNION ALL ")}
    UNION ALL SELECT 3, 'pg_namespace'::regclass, oid, nspowner FROM schemas WHERE goes
    UNION ALL SELECT CASE WHEN goes THEN 99 ELSE 4 END, classid, objid, owner FROM inside
    UNION ALL SELECT 10, 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata)
  SELECT i.type, i.identity, ${foreign("c.owner")} AS "foreignOwner", c.rank
    FROM contents c CROSS JOIN LATERAL pg_identify_object(c.classid, c.objid, 0) AS i
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = c.classid AND m.objid = c.objid)
     AND (c.rank <> 99 OR ${foreign("c.owner")} IS NOT NULL)
   ORDER BY c.rank, c.objid`;
