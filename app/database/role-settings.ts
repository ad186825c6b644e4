/**
 * SQL expression: the settings that ALTER DATABASE and ALTER ROLE … SET give a new session of our role, as JSON text.
 * Equal texts mean that no setting changed. Every name is qualified, so the search path does not matter. A later entry
 * overrides an earlier one: a role's settings override a database's (source: PostgreSQL's process_settings()).
 */
export const roleSettings = `(SELECT pg_catalog.json_agg(pg_catalog.to_json(s.setconfig) ORDER BY s.setrole OPERATOR(pg_catalog.<>) 0::pg_catalog.oid, s.setdatabase OPERATOR(pg_catalog.<>) 0::pg_catalog.oid)::pg_catalog.text
  FROM pg_catalog.pg_db_role_setting s
 WHERE (s.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR s.setdatabase OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()))
   AND (s.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR s.setrole OPERATOR(pg_catalog.=) pg_catalog.to_regrole(pg_catalog.quote_ident(session_user::pg_catalog.text))::pg_catalog.oid))`;

/** The same by name: `search_path` → `app, public`. */
export function parseRoleSettings(text: string | null): ReadonlyMap<string, string> {
  const lists = JSON.parse(text ?? "[]") as readonly (readonly string[])[];
  return new Map(
    lists.flat().map((entry) => {
      const at = entry.indexOf("=");
      return [entry.slice(0, at), entry.slice(at + 1)] as const;
    }),
  );
}
