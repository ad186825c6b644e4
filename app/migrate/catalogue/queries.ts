import { accessQueries } from "./access-queries.ts";
import { nameOf, notOfExtension, options, ours, type CatalogueQuery } from "./query-parts.ts";

const constraint = {
  key: "k.oid",
  kind: "'constraint'",
  definition: `concat_ws('; ', pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'is not validated' END,
    CASE WHEN (to_jsonb(k) ->> 'conenforced') = 'false' THEN 'is not enforced' END, CASE WHEN NOT k.conislocal THEN 'not local' END)`,
};

/**
 * What a schema is made of, a query for each kind of thing, on pg_catalog as PostgreSQL 13 to 18 have it. Columns that
 * came later are read by way of `to_jsonb`, which is null where they do not exist.
 */
export const catalogueQueries: readonly CatalogueQuery[] = [
  {
    key: "n.oid",
    kind: "'schema'",
    name: "n.nspname::text",
    definition: "pg_get_userbyid(n.nspowner)::text",
    from: "pg_namespace n",
    where: `${ours("n")} AND ${notOfExtension("pg_namespace", "n.oid")}`,
  },
  {
    key: "e.oid",
    kind: "'extension'",
    name: "e.extname::text",
    definition: "e.extversion || ' in ' || n.nspname",
    from: "pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
    where: "e.extname <> 'plpgsql'",
  },
  {
    // Tables, partitioned and foreign ones, composite types.
    key: "c.oid",
    kind: "CASE c.relkind WHEN 'c' THEN 'composite type' ELSE 'table' END",
    name: nameOf("n", "c.relname"),
    definition: `concat_ws('; ', c.relkind::text, c.relpersistence::text, am.amname, 'owner ' || pg_get_userbyid(c.relowner), ${options("c.reloptions")},
      CASE WHEN c.relrowsecurity THEN 'row security' END, CASE WHEN c.relforcerowsecurity THEN 'forced' END,
      'replica identity ' || c.relreplident::text, 'partition by ' || pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
      (SELECT 'tablespace ' || quote_ident(s.spcname) FROM pg_tablespace s WHERE s.oid = c.reltablespace),
      'of type ' || nullif(c.reloftype, 0)::regtype,
      (SELECT concat_ws(' ', 'server', s.srvname, f.ftoptions) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid))`,
    from: "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam",
    where: `c.relkind IN ('r', 'p', 'f', 'c') AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "c.oid",
  },
  {
    key: "c.oid",
    kind: "'inheritance'",
    name: nameOf("n", "c.relname"),
    definition: `(SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid)`,
    from: "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `c.relkind IN ('r', 'p', 'f') AND c.oid IN (SELECT i.inhrelid FROM pg_inherits i) AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "c.oid",
  },
  {
    // attoptions may hold a version of its own, pg_attver, which is nobody's business.
    key: "a.attrelid || '.' || a.attnum",
    kind: "'column'",
    name: nameOf("n", "c.relname", "a.attname"),
    definition: `concat_ws('; ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
      CASE WHEN nn.oid IS NOT NULL AND NOT nn.convalidated THEN 'NOT NULL is not validated' END,
      CASE WHEN nn.connoinherit THEN 'NOT NULL is not inherited' END,
      'default ' || pg_get_expr(d.adbin, d.adrelid), 'identity ' || nullif(a.attidentity::text, ''), 'generated ' || nullif(a.attgenerated::text, ''),
      (SELECT format('collation %I.%I', cn.nspname, co.collname) FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
        WHERE co.oid = a.attcollation AND a.attcollation <> t.typcollation),
      CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END, 'compression ' || nullif(to_jsonb(a) ->> 'attcompression', ''),
      'statistics ' || nullif(coalesce(a.attstattarget, -1), -1), 'inherited ' || nullif(a.attinhcount, 0), CASE WHEN NOT a.attislocal THEN 'not local' END,
      ${options("ARRAY(SELECT o FROM unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg_attver=%')")}, ${options("a.attfdwoptions")})`,
    from: `pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      LEFT JOIN pg_constraint nn ON nn.conrelid = a.attrelid AND nn.contype = 'n' AND nn.conkey = ARRAY[a.attnum]`,
    where: `c.relkind IN ('r', 'p', 'f', 'c', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "a.attrelid",
  },
  {
    // NOT NULL stands with its column; a constraint trigger with the triggers.
    ...constraint,
    name: nameOf("n", "c.relname", "k.conname"),
    from: "pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace JOIN pg_class c ON c.oid = k.conrelid",
    where: `k.contype NOT IN ('n', 't') AND ${ours("n")} AND ${notOfExtension("pg_class", "k.conrelid")}`,
    relation: "k.conrelid",
  },
  {
    // Of a domain.
    ...constraint,
    name: nameOf("n", "t.typname", "k.conname"),
    from: "pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace JOIN pg_type t ON t.oid = k.contypid",
    where: `k.contype <> 'n' AND ${ours("n")} AND ${notOfExtension("pg_type", "k.contypid")}`,
  },
  {
    key: "i.indexrelid",
    kind: "'index'",
    name: nameOf("n", "c.relname"),
    definition: `concat_ws('; ', pg_get_indexdef(i.indexrelid), CASE WHEN NOT i.indisvalid THEN 'INVALID' END, CASE WHEN NOT i.indisready THEN 'not ready' END,
      CASE WHEN NOT i.indislive THEN 'being dropped' END, CASE WHEN i.indisclustered THEN 'clustered' END, CASE WHEN i.indisreplident THEN 'replica identity' END,
      (SELECT 'tablespace ' || quote_ident(s.spcname) FROM pg_tablespace s WHERE s.oid = c.reltablespace),
      (SELECT 'part of ' || h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.indexrelid),
      (SELECT string_agg(format('statistics of column %s: %s', a.attnum, a.attstattarget), '; ' ORDER BY a.attnum)
         FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) >= 0))`,
    from: "pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `${ours("n")} AND ${notOfExtension("pg_class", "i.indrelid")}`,
    relation: "i.indexrelid",
  },
  {
    // The sequence itself, not where it stands: a rolled-back insert moves that too.
    key: "c.oid",
    kind: "'sequence'",
    name: nameOf("n", "c.relname"),
    definition: `concat_ws('; ', format_type(s.seqtypid, NULL), 'start ' || s.seqstart, 'increment ' || s.seqincrement, format('from %s to %s', s.seqmin, s.seqmax),
      'cache ' || s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END, c.relpersistence::text, 'owner ' || pg_get_userbyid(c.relowner))`,
    from: "pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "c.oid",
  },
  {
    key: "c.oid || '.' || d.refobjid || '.' || d.refobjsubid",
    kind: "'sequence of'",
    name: nameOf("n", "c.relname"),
    definition: `(SELECT format('%s %s.%I', CASE d.deptype WHEN 'i' THEN 'identity of' ELSE 'owned by' END, a.attrelid::regclass, a.attname)
        FROM pg_attribute a WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid)`,
    from: "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')",
    where: `c.relkind = 'S' AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "c.oid",
  },
  {
    // Its text may change with what it reads from, without a change of its own rows.
    key: "c.oid",
    kind: "CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END",
    name: nameOf("n", "c.relname"),
    definition: `concat_ws('; ', pg_get_viewdef(c.oid), 'owner ' || pg_get_userbyid(c.relowner), ${options("c.reloptions")},
      CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'not populated' END)`,
    from: "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `c.relkind IN ('v', 'm') AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
  },
  {
    key: "p.oid",
    kind: "CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END",
    name: "format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))",
    definition: `concat_ws('; ', CASE p.prokind WHEN 'a' THEN concat_ws(' ', format_type(p.prorettype, NULL), g.aggtransfn, g.aggfinalfn, g.aggcombinefn, format_type(g.aggtranstype, NULL), g.agginitval)
                    ELSE pg_get_functiondef(p.oid) END, 'owner ' || pg_get_userbyid(p.proowner))`,
    from: "pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid",
    where: `${ours("n")} AND ${notOfExtension("pg_proc", "p.oid")}`,
    function: "p.oid",
  },
  {
    key: "t.oid",
    kind: "'trigger'",
    name: nameOf("n", "c.relname", "t.tgname"),
    definition: "concat_ws('; ', pg_get_triggerdef(t.oid), 'enabled ' || t.tgenabled::text)",
    from: "pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `NOT t.tgisinternal AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "t.tgrelid",
  },
  {
    key: "e.oid",
    kind: "'event trigger'",
    name: "quote_ident(e.evtname)",
    definition:
      "concat_ws('; ', e.evtevent, e.evtfoid::regprocedure, e.evttags, 'enabled ' || e.evtenabled::text)",
    from: "pg_event_trigger e",
    where: notOfExtension("pg_event_trigger", "e.oid"),
  },
  {
    key: "r.oid",
    kind: "'rule'",
    name: nameOf("n", "c.relname", "r.rulename"),
    definition: "concat_ws('; ', pg_get_ruledef(r.oid), 'enabled ' || r.ev_enabled::text)",
    from: "pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `r.rulename <> '_RETURN' AND ${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
  },
  {
    key: "p.oid",
    kind: "'policy'",
    name: nameOf("n", "c.relname", "p.polname"),
    definition: `concat_ws('; ', p.polcmd::text, CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
      (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r)::text END, ', ' ORDER BY r) FROM unnest(p.polroles) AS r),
      'using ' || pg_get_expr(p.polqual, p.polrelid), 'check ' || pg_get_expr(p.polwithcheck, p.polrelid))`,
    from: "pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace",
    where: `${ours("n")} AND ${notOfExtension("pg_class", "c.oid")}`,
    relation: "p.polrelid",
  },
  {
    // Enumerations with their labels in order, domains, ranges. The types of tables, arrays and multiranges come with those.
    key: "t.oid",
    kind: "CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'type' END",
    name: nameOf("n", "t.typname"),
    definition: `concat_ws('; ', (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid),
      CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'default ' || t.typdefault,
      (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid), 'owner ' || pg_get_userbyid(t.typowner))`,
    from: "pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace",
    where: `t.typtype IN ('e', 'd', 'r', 'b') AND t.typcategory <> 'A' AND ${ours("n")} AND ${notOfExtension("pg_type", "t.oid")}`,
  },
  {
    key: "s.oid",
    kind: "'statistics'",
    name: nameOf("n", "s.stxname"),
    definition:
      "concat_ws('; ', pg_get_statisticsobjdef(s.oid), 'target ' || (to_jsonb(s) ->> 'stxstattarget'))",
    from: "pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace",
    where: `${ours("n")} AND ${notOfExtension("pg_statistic_ext", "s.oid")}`,
  },
  {
    key: "o.oid",
    kind: "'operator'",
    name: "o.oid::regoperator::text",
    definition:
      "concat_ws('; ', o.oprcode, format_type(o.oprresult, NULL), o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin)",
    from: "pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace",
    where: `${ours("n")} AND ${notOfExtension("pg_operator", "o.oid")}`,
  },
  {
    key: "o.oid",
    kind: "'operator class'",
    name: `format('%I.%I using %s', n.nspname, o.opcname, am.amname)`,
    definition: `concat_ws('; ', format_type(o.opcintype, NULL), CASE WHEN o.opcdefault THEN 'default' END, (SELECT format('family %I.%I', fn.nspname, f.opfname) FROM pg_opfamily f JOIN pg_namespace fn ON fn.oid = f.opfnamespace WHERE f.oid = o.opcfamily),
      (SELECT string_agg(format('%s %s', s.amopstrategy, s.amopopr::regoperator), ', ' ORDER BY s.amopstrategy, s.amoplefttype, s.amoprighttype) FROM pg_amop s WHERE s.amopfamily = o.opcfamily),
      (SELECT string_agg(format('%s %s', s.amprocnum, s.amproc::regprocedure), ', ' ORDER BY s.amprocnum, s.amproclefttype, s.amprocrighttype) FROM pg_amproc s WHERE s.amprocfamily = o.opcfamily))`,
    from: "pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_am am ON am.oid = o.opcmethod",
    where: `${ours("n")} AND ${notOfExtension("pg_opclass", "o.oid")}`,
  },
  {
    key: "k.oid",
    kind: "'cast'",
    name: "format('%s as %s', format_type(k.castsource, NULL), format_type(k.casttarget, NULL))",
    definition:
      "concat_ws('; ', nullif(k.castfunc::oid, 0)::regprocedure, k.castcontext::text, k.castmethod::text)",
    from: "pg_cast k",
    where: `k.oid >= 16384 AND ${notOfExtension("pg_cast", "k.oid")}`,
  },
  {
    key: "k.oid",
    kind: "'collation'",
    name: nameOf("n", "k.collname"),
    definition: "(to_jsonb(k) - '{oid,collnamespace,collowner,collversion}'::text[])::text",
    from: "pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace",
    where: `${ours("n")} AND ${notOfExtension("pg_collation", "k.oid")}`,
  },
  {
    key: "k.oid",
    kind: "'text search configuration'",
    name: nameOf("n", "k.cfgname"),
    definition: `(SELECT string_agg(format('%s %s', m.maptokentype, m.mapdict::regdictionary), ', ' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = k.oid)`,
    from: "pg_ts_config k JOIN pg_namespace n ON n.oid = k.cfgnamespace",
    where: `${ours("n")} AND ${notOfExtension("pg_ts_config", "k.oid")}`,
  },
  {
    key: "k.oid",
    kind: "'text search dictionary'",
    name: nameOf("n", "k.dictname"),
    definition: "coalesce(k.dictinitoption, '')",
    from: "pg_ts_dict k JOIN pg_namespace n ON n.oid = k.dictnamespace",
    where: `${ours("n")} AND ${notOfExtension("pg_ts_dict", "k.oid")}`,
  },
  {
    key: "p.oid",
    kind: "'publication'",
    name: "quote_ident(p.pubname)",
    definition: `concat_ws('; ', (to_jsonb(p) - '{oid,pubowner}'::text[])::text, (SELECT string_agg(r.prrelid::regclass::text, ', ' ORDER BY r.prrelid::regclass::text COLLATE "C") FROM pg_publication_rel r WHERE r.prpubid = p.oid))`,
    from: "pg_publication p",
    where: "true",
  },
  {
    key: "w.oid",
    kind: "'foreign data wrapper'",
    name: "quote_ident(w.fdwname)",
    definition: `concat_ws('; ', nullif(w.fdwhandler::oid, 0)::regprocedure, nullif(w.fdwvalidator::oid, 0)::regprocedure, ${options("w.fdwoptions")})`,
    from: "pg_foreign_data_wrapper w",
    where: notOfExtension("pg_foreign_data_wrapper", "w.oid"),
  },
  {
    key: "s.oid",
    kind: "'foreign server'",
    name: "quote_ident(s.srvname)",
    definition: `concat_ws('; ', w.fdwname, s.srvtype, s.srvversion, ${options("s.srvoptions")})`,
    from: "pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw",
    where: notOfExtension("pg_foreign_server", "s.oid"),
  },
  {
    // Which options it has, not what they are: there may be a password among them.
    key: "m.umid",
    kind: "'user mapping'",
    name: "format('%s on %I', CASE m.umuser WHEN 0 THEN 'public' ELSE pg_get_userbyid(m.umuser)::text END, m.srvname)",
    definition: "''",
    from: "pg_user_mappings m",
    where: "true",
  },
  {
    // Of the database: ALTER DATABASE … SET.
    key: "s.setrole",
    kind: "'setting'",
    name: "CASE s.setrole WHEN 0 THEN 'of the database' ELSE 'of ' || pg_get_userbyid(s.setrole) || ' in the database' END",
    definition: options("s.setconfig"),
    from: "pg_db_role_setting s",
    where: "s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())",
  },
  ...accessQueries,
];
