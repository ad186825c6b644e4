import type { Constraint } from "libpg-query";
import { wordsOf } from "../parse-tree.ts";
import { findRelation, type PlannedConstraint, type PlannedRelation, type PlannedSchema } from "./schema.ts";
import { touch, touchNamed, type Effects, type TouchWork } from "./table-touches.ts";
import { columnsIn, provesNotNull } from "./tree.ts";

/** A valid check proves it, so that no row is looked at (PostgreSQL 12 and later, older ones are refused). */
export function isProven(relation: PlannedRelation, column: string): boolean {
  return [...relation.constraints.values()].some(
    ({ validated, proves }) => validated && proves.includes(column),
  );
}
/** @param ofColumn for a constraint that stands behind a column */
export function addConstraint(
  schema: PlannedSchema,
  effects: Effects,
  relation: PlannedRelation,
  constraint: Constraint,
  ofColumn: readonly string[] = [],
): TouchWork {
  const { contype, skip_validation: skips = false, is_enforced: isEnforced = true } = constraint;
  const keys = ofColumn.length > 0 ? [...ofColumn] : wordsOf(constraint.keys);
  const add = (planned: Partial<PlannedConstraint>): void => {
    relation.constraints.set(constraint.conname ?? unnamed(relation, contype, keys), {
      kind: "other",
      validated: !skips,
      columns: keys,
      proves: [],
      references: undefined,
      ...planned,
    });
  };
  switch (contype) {
    case "CONSTR_CHECK":
      add({
        kind: "check",
        columns: columnsIn(constraint.raw_expr),
        proves: isEnforced ? provesNotNull(constraint.raw_expr) : [],
      });
      return { scans: !skips && isEnforced };
    case "CONSTR_NOTNULL": {
      const scans =
        !skips && keys.some((key) => relation.columns.get(key)?.notNull !== true && !isProven(relation, key));
      add({ proves: keys });
      return { scans };
    }
    case "CONSTR_FOREIGN": {
      const scans = !skips && isEnforced;
      const references =
        constraint.pktable &&
        touchNamed(schema, effects, constraint.pktable, "SHARE ROW EXCLUSIVE", {
          scans: scans && !relation.isNew,
        });
      const columns = ofColumn.length > 0 ? ofColumn : wordsOf(constraint.fk_attrs);
      add({ kind: "foreign key", columns, references, referencedColumns: wordsOf(constraint.pk_attrs) });
      return { scans };
    }
    default: {
      const index =
        constraint.indexname === undefined
          ? undefined
          : findRelation(schema, { schemaname: relation.schema, relname: constraint.indexname });
      const columns = index?.indexColumns ?? keys;
      const mayBeNull = columns.some(
        (column) => relation.columns.get(column)?.notNull !== true && !isProven(relation, column),
      );
      add({ columns });
      if (contype === "CONSTR_PRIMARY")
        for (const column of columns) {
          const known = relation.columns.get(column);
          if (known !== undefined) relation.columns.set(column, { ...known, notNull: true });
        }
      return { scans: constraint.indexname === undefined || (contype === "CONSTR_PRIMARY" && mayBeNull) };
    }
  }
}

/** The name that PostgreSQL makes, as far as it is known without looking for a free one. */
function unnamed(
  { name }: PlannedRelation,
  contype: Constraint["contype"],
  columns: readonly string[],
): string {
  const ending: Readonly<Record<string, string>> = {
    CONSTR_PRIMARY: "pkey",
    CONSTR_FOREIGN: "fkey",
    CONSTR_UNIQUE: "key",
    CONSTR_EXCLUSION: "excl",
    CONSTR_NOTNULL: "not_null",
  };
  const middle = contype === "CONSTR_PRIMARY" ? [] : columns;
  return [name, ...middle, ending[String(contype)] ?? "check"].join("_");
}

export function dropConstraint(effects: Effects, relation: PlannedRelation, name: string): void {
  const references = relation.constraints.get(name)?.references;
  // The triggers that kept it stand there.
  if (references !== undefined) touch(effects, references, "ACCESS EXCLUSIVE");
  relation.constraints.delete(name);
}
