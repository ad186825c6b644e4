/**
 * SQL, a schema `hostile` full of traps, made as an ordinary role that may create there: everything that PostgreSQL
 * brings has a double of the same name and the same argument types. Whatever calls one of them is an attack that
 * succeeded: `hostile.sprung` counts, also where the transaction is rolled back, and the statement fails with
 * `hijacked: …`.
 */
export const makeHostileSchema = `
CREATE SEQUENCE hostile.sprung;
GRANT USAGE ON SEQUENCE hostile.sprung TO PUBLIC;

CREATE FUNCTION hostile.spring(what pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql SET search_path = pg_catalog AS $trap$
BEGIN
  IF current_setting('transaction_read_only') = 'off' THEN PERFORM nextval('hostile.sprung'); END IF;
  RAISE EXCEPTION 'hijacked: %', what USING ERRCODE = 'XX001';
END $trap$;

SET search_path = pg_catalog;
DO $traps$
DECLARE
  one record;
  -- Types that our columns, casts and parameters have; doubles for each where PostgreSQL has one for any type.
  used constant text[] := ARRAY['text', 'varchar', 'name', '"char"', 'bool', 'int2', 'int4', 'int8', 'float8', 'numeric', 'oid', 'json', 'jsonb',
    'timestamptz', 'timestamp', 'interval', 'xid', 'xid8', 'regclass', 'regnamespace', 'regtype', 'bytea', 'inet', 'pg_snapshot', 'text[]', 'name[]', 'oid[]', 'int2[]', 'int2vector'];
  kind text;
  arguments text;
  result text;
  number int := 0;
BEGIN
  -- Functions and aggregates, with the very argument types.
  FOR one IN
    SELECT p.proname, p.prokind, p.proretset, p.prorettype, p.provariadic,
           (SELECT string_agg(CASE WHEN p.provariadic <> 0 AND a.n = p.pronargs THEN 'VARIADIC ' ELSE '' END || format_type(a.t, NULL), ', ' ORDER BY a.n)
              FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n)) AS arguments,
           (SELECT bool_or(t.typtype = 'p') FROM unnest(p.proargtypes) AS a(t) JOIN pg_type t ON t.oid = a.t) AS is_vague,
           rt.typtype AS result_kind
      FROM pg_proc p JOIN pg_type rt ON rt.oid = p.prorettype
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind <> 'p'
  LOOP
    result := CASE WHEN one.proretset THEN 'SETOF ' ELSE '' END
      || CASE WHEN one.result_kind = 'p' THEN 'pg_catalog.text' ELSE format_type(one.prorettype, NULL) END;
    IF one.is_vague IS TRUE THEN
      -- Of any type: a double for each of ours, which is the better match.
      FOREACH kind IN ARRAY used LOOP
        FOR arguments IN SELECT DISTINCT v FROM unnest(ARRAY[
            regexp_replace(one.arguments, '"any"\\[\\]|"any"|any(compatible)?(element|nonarray|array|enum)', kind, 'g'),
            regexp_replace(regexp_replace(one.arguments, 'any(compatible)?array', replace(kind, '[]', '') || '[]', 'g'), 'any(compatible)?(element|nonarray|enum)', replace(kind, '[]', ''), 'g'),
            CASE WHEN one.arguments ~ 'VARIADIC' THEN 'VARIADIC ' || replace(kind, '[]', '') || '[]' END]) AS v WHERE v IS NOT NULL
        LOOP
          BEGIN
            EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM hostile.spring(%L); END $f$', one.proname, arguments, result, 'function ' || one.proname);
          EXCEPTION WHEN OTHERS THEN NULL;
          END;
        END LOOP;
      END LOOP;
    ELSE
      BEGIN
        EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM hostile.spring(%L); END $f$', one.proname, one.arguments, result, 'function ' || one.proname);
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
    END IF;
  END LOOP;

  -- Aggregates proper, for what is called with ORDER BY, FILTER or DISTINCT inside.
  FOREACH kind IN ARRAY used LOOP
    number := number + 1;
    BEGIN
      EXECUTE format('CREATE FUNCTION hostile.gather_%s(pg_catalog.text, %s) RETURNS pg_catalog.text LANGUAGE plpgsql AS $f$ BEGIN PERFORM hostile.spring(%L); END $f$', number, kind, 'aggregate');
      EXECUTE format('CREATE FUNCTION hostile.gather_%s(pg_catalog.text, %s, %s) RETURNS pg_catalog.text LANGUAGE plpgsql AS $f$ BEGIN PERFORM hostile.spring(%L); END $f$', number, kind, 'text', 'aggregate');
      FOREACH result IN ARRAY ARRAY['json_agg', 'jsonb_agg', 'array_agg', 'min', 'max', 'count', 'sum', 'bool_or', 'bool_and'] LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS hostile.%I(%s)', result, kind);
        EXECUTE format('CREATE AGGREGATE hostile.%I(%s) (SFUNC = hostile.gather_%s, STYPE = pg_catalog.text)', result, kind, number);
      END LOOP;
      EXECUTE format('DROP FUNCTION IF EXISTS hostile.string_agg(%s, text)', kind);
      EXECUTE format('CREATE AGGREGATE hostile.string_agg(%s, text) (SFUNC = hostile.gather_%s, STYPE = pg_catalog.text)', kind, number);
    END;
  END LOOP;

  -- Operators: PostgreSQL's own, and for each of our types those of any type.
  number := 0;
  FOR one IN
    SELECT o.oprname, format_type(nullif(o.oprleft, 0), NULL) AS l, format_type(o.oprright, NULL) AS r, format_type(o.oprresult, NULL) AS result
      FROM pg_operator o WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft <> 0
    UNION
    SELECT s, t, u, 'boolean' FROM unnest(used) AS t, unnest(ARRAY['=', '<>', '<', '>', '<=', '>=']) AS s, unnest(used) AS u
     WHERE u = t OR u IN ('text', 'name')
    UNION SELECT '||', t, u, 'text' FROM unnest(used) AS t, unnest(ARRAY['text', 'varchar']) AS u
    UNION SELECT s, t, t, 'boolean' FROM unnest(used) AS t, unnest(ARRAY['~', '!~', '~~', '~~*']) AS s
  LOOP
    number := number + 1;
    BEGIN
      EXECUTE format('CREATE FUNCTION hostile.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM hostile.spring(%L); END $f$', number, one.l, one.r, one.result, 'operator ' || one.oprname);
      EXECUTE format('CREATE OPERATOR hostile.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = hostile.operator_%s)', one.oprname, one.l, one.r, number);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;

  -- Types: domains that spring where somebody casts to them.
  FOR one IN
    SELECT t.typname FROM pg_type t
     WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r') AND t.typelem = 0 AND t.typcategory <> 'A'
  LOOP
    BEGIN
      EXECUTE format('CREATE DOMAIN hostile.%I AS pg_catalog.%I CHECK (hostile.spring(%L))', one.typname, one.typname, 'domain ' || one.typname);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;

  -- Relations: a view for each of the catalogue.
  FOR one IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') LOOP
    BEGIN
      EXECUTE format('CREATE VIEW hostile.%I AS SELECT * FROM pg_catalog.%I WHERE hostile.spring(%L)', one.relname, one.relname, 'relation ' || one.relname);
      EXECUTE format('GRANT SELECT ON hostile.%I TO PUBLIC', one.relname);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END $traps$;
RESET search_path;`;
