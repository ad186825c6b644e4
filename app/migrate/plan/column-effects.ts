import type { ColumnDef, Constraint, Node } from "libpg-query";
import { addConstraint } from "./constraint-effects.ts";
import type { PlannedColumn, PlannedRelation, PlannedSchema } from "./schema.ts";
import { touch, type Effects, type TouchWork } from "./table-touches.ts";
import { callsIn, columnOf, typeSize, typeText } from "./tree.ts";
import { rewritesFor } from "./type-change.ts";

export function addColumn(
  schema: PlannedSchema,
  effects: Effects,
  relation: PlannedRelation,
  definition: ColumnDef,
): TouchWork {
  const name = definition.colname ?? "";
  if (relation.columns.has(name)) return {};
  const constraints = constraintsOf(definition);
  const kinds = new Set(constraints.map(({ contype }) => contype));
  const value = constraints.find(({ contype }) => contype === "CONSTR_DEFAULT")?.raw_expr;
  const generated = constraints.find(({ contype }) => contype === "CONSTR_GENERATED");
  const type = definition.typeName === undefined ? "" : typeText(definition.typeName);
  const rewrites =
    kinds.has("CONSTR_IDENTITY") ||
    isSerial(type) ||
    (generated !== undefined && generated.generated_kind !== "v") ||
    schema.types.get(type)?.isChecked === true ||
    isVolatile(schema, value);
  relation.columns.set(name, columnFrom(schema, definition));
  let scans = kinds.has("CONSTR_NOTNULL") && value === undefined;
  for (const constraint of constraints) {
    if (
      !["CONSTR_CHECK", "CONSTR_FOREIGN", "CONSTR_UNIQUE", "CONSTR_PRIMARY"].includes(
        String(constraint.contype),
      )
    )
      continue;
    // All rows have null in a new column without a default, which no foreign key minds.
    const skips = constraint.contype === "CONSTR_FOREIGN" && value === undefined;
    const work = addConstraint(schema, effects, relation, { ...constraint, skip_validation: skips }, [name]);
    scans ||= work.scans === true;
  }
  return { scans, rewrites };
}

/** A column as a statement defines it. */
export function columnFrom(schema: PlannedSchema, { typeName, constraints }: ColumnDef): PlannedColumn {
  const text = typeName === undefined ? "" : typeText(typeName);
  return {
    type: schema.types.get(text)?.name ?? text,
    size: typeName === undefined ? [] : typeSize(typeName),
    notNull: (constraints ?? []).some(
      (node) =>
        "Constraint" in node &&
        (node.Constraint.contype === "CONSTR_NOTNULL" || node.Constraint.contype === "CONSTR_PRIMARY"),
    ),
  };
}

export function constraintsOf({ constraints }: ColumnDef): Constraint[] {
  return (constraints ?? []).flatMap((node) => ("Constraint" in node ? [node.Constraint] : []));
}

function isSerial(type: string): boolean {
  return /^"(?:small|big)?serial[248]?"$/.test(type);
}

/** Such a default has another value in each row, so it must be written into each row. */
function isVolatile({ functions }: PlannedSchema, expression: Node | undefined): boolean {
  return callsIn(expression).some((name) => functions.get(name)?.isVolatile ?? true);
}

export function changeType(
  schema: PlannedSchema,
  effects: Effects,
  relation: PlannedRelation,
  name: string,
  definition: ColumnDef,
): TouchWork {
  const before = relation.columns.get(name);
  const to = columnFrom(schema, definition);
  if (before !== undefined) relation.columns.set(name, { ...to, notNull: before.notNull });
  if (before !== undefined)
    remakeForeignKeys(
      schema,
      effects,
      relation,
      name,
      before.type !== to.type && rewritesFor(schema, before, to),
    );
  const using = definition.raw_default;
  const keepsValue =
    using === undefined ||
    columnOf(using) === name ||
    ("TypeCast" in using && columnOf(using.TypeCast.arg) === name);
  if (before === undefined || !keepsValue || rewritesFor(schema, before, to)) return { rewrites: true };
  // Its checks are made anew for the new type, and look at each row.
  const checked =
    before.type !== to.type &&
    [...relation.constraints.values()].some(
      ({ kind, columns }) => kind === "check" && columns.includes(name),
    );
  return { scans: checked };
}

/** Foreign keys at both ends of a column are dropped and made anew for its new type, and their triggers with them. */
function remakeForeignKeys(
  { relations }: PlannedSchema,
  effects: Effects,
  relation: PlannedRelation,
  name: string,
  comparesOtherwise: boolean,
): void {
  const remade = { scans: comparesOtherwise };
  for (const owner of relations)
    for (const { kind, columns, references, referencedColumns = [] } of owner.constraints.values()) {
      if (kind !== "foreign key" || references === undefined) continue;
      if (owner === relation && columns.includes(name))
        touch(effects, references, "ACCESS EXCLUSIVE", remade);
      const pointsHere =
        references === relation && (referencedColumns.length === 0 || referencedColumns.includes(name));
      if (pointsHere) touch(effects, owner, "ACCESS EXCLUSIVE", remade);
    }
}
