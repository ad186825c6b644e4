/**
 * One query for each kind of thing in a schema: `(kind, name, definition)`, pure SQL on pg_catalog that PostgreSQL 13
 * to 18 understand. Columns that came later are read by way of `to_jsonb`, which is null where they do not exist.
 */
export const catalogueQueries: readonly string[] = [
  `SELECT 'schema', n.nspname::text, pg_get_userbyid(n.nspowner)::text FROM pg_namespace n WHERE ${ours("n")} AND ${notOfExtension("pg_namespace", "n.oid")}`,

  `SELECT 'extension', e.extname::text, e.extversion || ' in ' || n.nspname
     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql'`,

  // Tables, partitioned and foreign ones, composite types.
  `SELECT CASE c.relkind WHEN 'c' THEN 'composite type' ELSE 'table' END, ${nameOf("n", "c.relname")},
          concat_ws('; ', c.relkind::text, c.relpersistence::text, am.amname, 'owner ' || pg_get_userbyid(c.relowner), ${options("c.reloptions")},
            CASE WHEN c.relrowsecurity THEN 'row security' END, CASE WHEN c.relforcerowsecurity THEN 'forced' END,
            'replica identity ' || c.relreplident::text, 'partition by ' || pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
            (SELECT 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
            (SELECT concat_ws(' ', 'server', s.srvname, f.ftoptions) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid))
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam
    WHERE c.relkind IN ('r', 'p', 'f', 'c') AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,

  // attoptions may hold a version of its own, pg_attver, which is nobody's business.
  `SELECT 'column', ${nameOf("n", "c.relname", "a.attname")},
          concat_ws('; ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
            CASE WHEN nn.oid IS NOT NULL AND NOT nn.convalidated THEN 'NOT NULL is not validated' END,
            CASE WHEN nn.connoinherit THEN 'NOT NULL is not inherited' END,
            'default ' || pg_get_expr(d.adbin, d.adrelid), 'identity ' || nullif(a.attidentity::text, ''), 'generated ' || nullif(a.attgenerated::text, ''),
            (SELECT format('collation %I.%I', cn.nspname, co.collname) FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
              WHERE co.oid = a.attcollation AND a.attcollation <> t.typcollation),
            CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END, 'compression ' || nullif(to_jsonb(a) ->> 'attcompression', ''),
            'statistics ' || nullif(coalesce(a.attstattarget, -1), -1), 'inherited ' || nullif(a.attinhcount, 0), CASE WHEN NOT a.attislocal THEN 'not local' END,
            ${options("ARRAY(SELECT o FROM unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg_attver=%')")}, ${options("a.attfdwoptions")})
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     LEFT JOIN pg_constraint nn ON nn.conrelid = a.attrelid AND nn.contype = 'n' AND nn.conkey = ARRAY[a.attnum]
    WHERE c.relkind IN ('r', 'p', 'f', 'c', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,

  // NOT NULL stands with its column; a constraint trigger with the triggers.
  `SELECT 'constraint', ${nameOf("n", "coalesce(c.relname, t.typname)", "k.conname")},
          concat_ws('; ', pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'is not validated' END,
            CASE WHEN (to_jsonb(k) ->> 'conenforced') = 'false' THEN 'is not enforced' END, CASE WHEN NOT k.conislocal THEN 'not local' END)
     FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
     LEFT JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_type t ON t.oid = k.contypid
    WHERE k.contype NOT IN ('n', 't') AND ${ours("n")} AND ${notOfExtension("pg_class", "k.conrelid")} AND ${notOfExtension("pg_type", "k.contypid")}`,

  `SELECT 'index', ${nameOf("n", "c.relname")},
          concat_ws('; ', pg_get_indexdef(i.indexrelid), CASE WHEN NOT i.indisvalid THEN 'INVALID' END, CASE WHEN NOT i.indisready THEN 'not ready' END,
            CASE WHEN NOT i.indislive THEN 'being dropped' END, CASE WHEN i.indisclustered THEN 'clustered' END, CASE WHEN i.indisreplident THEN 'replica identity' END,
            (SELECT 'part of ' || h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.indexrelid),
            (SELECT string_agg(format('statistics of column %s: %s', a.attnum, a.attstattarget), '; ' ORDER BY a.attnum)
               FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) >= 0))
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${ours("n")} AND ${notOfExtension("pg_class", "i.indrelid")}`,

  // The sequence itself, not where it stands: a rolled-back insert moves that too.
  `SELECT 'sequence', ${nameOf("n", "c.relname")},
          concat_ws('; ', format_type(s.seqtypid, NULL), 'start ' || s.seqstart, 'increment ' || s.seqincrement, format('from %s to %s', s.seqmin, s.seqmax),
            'cache ' || s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END, c.relpersistence::text, 'owner ' || pg_get_userbyid(c.relowner),
            (SELECT format('%s %s.%I', CASE d.deptype WHEN 'i' THEN 'identity of' ELSE 'owned by' END, d.refobjid::regclass, a.attname)
               FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
              WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
     FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,

  `SELECT CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, ${nameOf("n", "c.relname")},
          concat_ws('; ', pg_get_viewdef(c.oid), 'owner ' || pg_get_userbyid(c.relowner), ${options("c.reloptions")},
            CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'not populated' END)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm') AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,

  `SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END,
          format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
          concat_ws('; ', CASE p.prokind WHEN 'a' THEN concat_ws(' ', format_type(p.prorettype, NULL), g.aggtransfn, g.aggfinalfn, g.aggcombinefn, format_type(g.aggtranstype, NULL), g.agginitval)
                          ELSE pg_get_functiondef(p.oid) END, 'owner ' || pg_get_userbyid(p.proowner))
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid
    WHERE ${ours("n")} AND ${notOfExtension("pg_proc", "p.oid")}`,

  `SELECT 'trigger', ${nameOf("n", "c.relname", "t.tgname")}, concat_ws('; ', pg_get_triggerdef(t.oid), 'enabled ' || t.tgenabled::text)
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,

  `SELECT 'event trigger', quote_ident(e.evtname), concat_ws('; ', e.evtevent, e.evtfoid::regprocedure, e.evttags, 'enabled ' || e.evtenabled::text)
     FROM pg_event_trigger e WHERE ${notOfExtension("pg_event_trigger", "e.oid")}`,

  `SELECT 'rule', ${nameOf("n", "c.relname", "r.rulename")}, concat_ws('; ', pg_get_ruledef(r.oid), 'enabled ' || r.ev_enabled::text)
     FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN' AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,

  `SELECT 'policy', ${nameOf("n", "c.relname", "p.polname")},
          concat_ws('; ', p.polcmd::text, CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
            (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r)::text END, ', ' ORDER BY r) FROM unnest(p.polroles) AS r),
            'using ' || pg_get_expr(p.polqual, p.polrelid), 'check ' || pg_get_expr(p.polwithcheck, p.polrelid))
     FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,

  // Enumerations with their labels in order, domains, ranges. The types of tables, arrays and multiranges come with those.
  `SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'type' END, ${nameOf("n", "t.typname")},
          concat_ws('; ', (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid),
            CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'default ' || t.typdefault,
            (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid), 'owner ' || pg_get_userbyid(t.typowner))
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('e', 'd', 'r', 'b') AND t.typcategory <> 'A' AND ${ours("n")} AND ${notOfExtension("pg_type", "t.oid")}`,

  `SELECT 'statistics', ${nameOf("n", "s.stxname")}, concat_ws('; ', pg_get_statisticsobjdef(s.oid), 'target ' || (to_jsonb(s) ->> 'stxstattarget'))
     FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE ${ours("n")} AND ${notOfExtension("pg_statistic_ext", "s.oid")}`,

  `SELECT 'operator', o.oid::regoperator::text, concat_ws('; ', o.oprcode, format_type(o.oprresult, NULL), o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin)
     FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE ${ours("n")} AND ${notOfExtension("pg_operator", "o.oid")}`,

  `SELECT 'cast', format('%s as %s', format_type(k.castsource, NULL), format_type(k.casttarget, NULL)),
          concat_ws('; ', nullif(k.castfunc::oid, 0)::regprocedure, k.castcontext::text, k.castmethod::text)
     FROM pg_cast k WHERE k.oid >= 16384 AND ${notOfExtension("pg_cast", "k.oid")}`,

  `SELECT 'collation', ${nameOf("n", "k.collname")}, (to_jsonb(k) - '{oid,collnamespace,collowner,collversion}'::text[])::text
     FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace WHERE ${ours("n")} AND ${notOfExtension("pg_collation", "k.oid")}`,

  `SELECT 'publication', quote_ident(p.pubname),
          concat_ws('; ', (to_jsonb(p) - '{oid,pubowner}'::text[])::text, (SELECT string_agg(r.prrelid::regclass::text, ', ' ORDER BY r.prrelid::regclass::text COLLATE "C") FROM pg_publication_rel r WHERE r.prpubid = p.oid))
     FROM pg_publication p`,

  `SELECT 'foreign server', quote_ident(s.srvname), concat_ws('; ', w.fdwname, s.srvtype, s.srvversion, ${options("s.srvoptions")})
     FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE ${notOfExtension("pg_foreign_server", "s.oid")}`,

  // Comments on anything that has a name in our schemas.
  `SELECT 'comment', concat_ws(' ', i.type, i.identity), d.description
     FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i
     LEFT JOIN pg_namespace n ON n.nspname = i.schema
    WHERE d.objoid >= 16384 AND (i.schema IS NULL OR ${ours("n")}) AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e') AND i.type <> 'extension'`,

  privileges("schema", "pg_namespace", "o.nspacl", "o.nspowner", "n", "quote_ident(o.nspname)", "o.oid"),
  privileges(
    "relation",
    "pg_class",
    "o.relacl",
    "o.relowner",
    "CASE o.relkind WHEN 'S' THEN 's' ELSE 'r' END",
    "o.oid::regclass::text",
    "o.relnamespace",
  ),
  privileges(
    "function",
    "pg_proc",
    "o.proacl",
    "o.proowner",
    "f",
    "o.oid::regprocedure::text",
    "o.pronamespace",
  ),
  privileges("type", "pg_type", "o.typacl", "o.typowner", "T", "o.oid::regtype::text", "o.typnamespace"),

  `SELECT 'privilege', format('column %s.%I', a.attrelid::regclass, a.attname), ${grants("a.attacl")}
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND ${ours("n")}`,

  `SELECT 'default privilege', concat_ws(' ', pg_get_userbyid(d.defaclrole), d.defaclobjtype::text, n.nspname), ${grants("d.defaclacl")}
     FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace`,
];

/** Not the server's own schema, and no session's temporary one. */
function ours(namespace: string): string {
  return `${namespace}.nspname !~ '^pg_' AND ${namespace}.nspname <> 'information_schema'`;
}

function notOfExtension(catalogue: string, oid: string): string {
  return `NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '${catalogue}'::regclass AND x.objid = ${oid} AND x.deptype = 'e')`;
}

function nameOf(namespace: string, ...parts: readonly string[]): string {
  return `format('${["%I", ...parts.map(() => "%I")].join(".")}', ${[`${namespace}.nspname`, ...parts].join(", ")})`;
}

/** An array of options, in order; null when there are none. */
function options(array: string): string {
  return `(SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(${array}) AS o)`;
}

/** Who may do what, whatever the order in which it was granted. */
function grants(acl: string): string {
  return `(SELECT string_agg(format('%s: %s%s', CASE x.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(x.grantee)::text END, x.privilege_type, CASE WHEN x.is_grantable THEN ' with grant' ELSE '' END), ', '
            ORDER BY x.grantee, x.privilege_type) FROM aclexplode(${acl}) AS x)`;
}

/** Nothing granted yet and exactly the default granted are the same. */
function privileges(
  what: string,
  catalogue: string,
  acl: string,
  owner: string,
  kind: string,
  name: string,
  namespace: string,
): string {
  const defaultKind = kind.includes(" ") ? `(${kind})::"char"` : `'${kind}'::"char"`;
  return `SELECT 'privilege', '${what} ' || ${name}, ${grants(acl)}
     FROM ${catalogue} o JOIN pg_namespace n ON n.oid = ${namespace}
    WHERE ${acl} IS NOT NULL AND ${acl} <> acldefault(${defaultKind}, ${owner}) AND ${ours("n")} AND ${notOfExtension(catalogue, "o.oid")}`;
}
