import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, Node } from "libpg-query";
import type { LockLevel } from "./lock-levels.ts";
import {
  findRelation,
  type PlannedColumn,
  type PlannedConstraint,
  type PlannedRelation,
  type PlannedSchema,
} from "./plan-schema.ts";
import { callsIn, columnOf, columnsIn, provesNotNull, stringsIn, typeSize, typeText } from "./plan-tree.ts";
import { touch, touchNamed, type Effects, type TouchWork } from "./table-touches.ts";
import { rewritesFor } from "./type-change.ts";

/** Where the lock is not ACCESS EXCLUSIVE. Source: PostgreSQL's AlterTableGetLockLevel. */
const weakerLocks: Readonly<Record<string, LockLevel>> = {
  AT_SetStatistics: "SHARE UPDATE EXCLUSIVE",
  AT_SetOptions: "SHARE UPDATE EXCLUSIVE",
  AT_ResetOptions: "SHARE UPDATE EXCLUSIVE",
  AT_ClusterOn: "SHARE UPDATE EXCLUSIVE",
  AT_DropCluster: "SHARE UPDATE EXCLUSIVE",
  AT_ValidateConstraint: "SHARE UPDATE EXCLUSIVE",
  AT_AttachPartition: "SHARE UPDATE EXCLUSIVE",
  AT_DetachPartitionFinalize: "SHARE UPDATE EXCLUSIVE",
  AT_EnableTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableAlwaysTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableReplicaTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableTrigAll: "SHARE ROW EXCLUSIVE",
  AT_EnableTrigUser: "SHARE ROW EXCLUSIVE",
  AT_DisableTrig: "SHARE ROW EXCLUSIVE",
  AT_DisableTrigAll: "SHARE ROW EXCLUSIVE",
  AT_DisableTrigUser: "SHARE ROW EXCLUSIVE",
};

/** What touches a partitioned table and not its partitions. */
const notInherited: ReadonlySet<string> = new Set([
  "AT_AttachPartition",
  "AT_DetachPartition",
  "AT_DetachPartitionFinalize",
  "AT_AddInherit",
  "AT_DropInherit",
  "AT_ChangeOwner",
  "AT_SetRelOptions",
  "AT_ResetRelOptions",
  "AT_ReplicaIdentity",
  "AT_EnableRowSecurity",
  "AT_DisableRowSecurity",
  "AT_ForceRowSecurity",
  "AT_NoForceRowSecurity",
]);

const alwaysRewrite: ReadonlySet<string> = new Set([
  "AT_SetLogged",
  "AT_SetUnLogged",
  "AT_SetAccessMethod",
  "AT_SetTableSpace",
  "AT_SetExpression",
]);

/** One ALTER TABLE: its commands share the strongest of their locks, and one pass over the table. */
export function alterTable(schema: PlannedSchema, effects: Effects, statement: AlterTableStmt): void {
  const name = statement.relation ?? {};
  const relation = findRelation(schema, name);
  for (const node of statement.cmds ?? []) {
    if (!("AlterTableCmd" in node)) continue;
    const command = node.AlterTableCmd;
    const subtype = String(command.subtype);
    const missing = { mayBeMissing: statement.missing_ok };
    // First of all the table itself, then what hangs on it.
    touchNamed(schema, effects, name, lockOf(command), missing);
    const work: TouchWork =
      relation === undefined
        ? {}
        : {
            ...applyCommand(schema, effects, relation, command),
            withChildren: statement.relation?.inh === true && !notInherited.has(subtype),
          };
    touchNamed(schema, effects, name, lockOf(command), { ...work, ...missing });
  }
}

function lockOf({ subtype, def }: AlterTableCmd): LockLevel {
  const weaker = weakerLocks[String(subtype)];
  if (weaker !== undefined) return weaker;
  if (
    subtype === "AT_AddConstraint" &&
    def &&
    "Constraint" in def &&
    def.Constraint.contype === "CONSTR_FOREIGN"
  )
    return "SHARE ROW EXCLUSIVE";
  if (subtype === "AT_DetachPartition" && def && "PartitionCmd" in def && def.PartitionCmd.concurrent)
    return "SHARE UPDATE EXCLUSIVE";
  if ((subtype === "AT_SetRelOptions" || subtype === "AT_ResetRelOptions") && def && "List" in def) {
    const harmless = (def.List.items ?? []).every(
      (item) => "DefElem" in item && harmlessOption.test(item.DefElem.defname ?? ""),
    );
    if (harmless) return "SHARE UPDATE EXCLUSIVE";
  }
  return "ACCESS EXCLUSIVE";
}

const harmlessOption =
  /^(?:fillfactor|toast_tuple_target|parallel_workers|deduplicate_items|(?:log_)?autovacuum_\w+|vacuum_\w+)$/;

/** What a command does to the rows, and the schema as it is afterwards. */
function applyCommand(
  schema: PlannedSchema,
  effects: Effects,
  relation: PlannedRelation,
  { subtype, name = "", def }: AlterTableCmd,
): TouchWork {
  if (alwaysRewrite.has(String(subtype))) return { rewrites: true };
  const column = relation.columns.get(name);
  switch (subtype) {
    case "AT_AddColumn":
      return def && "ColumnDef" in def ? addColumn(schema, effects, relation, def.ColumnDef) : {};
    case "AT_DropColumn":
      effects.notes.add(`the data in ${relation.name}.${name} is gone with the column`);
      relation.columns.delete(name);
      for (const [key, constraint] of relation.constraints)
        if (constraint.columns.includes(name)) dropConstraint(effects, relation, key);
      return {};
    case "AT_AlterColumnType":
      return def && "ColumnDef" in def ? changeType(schema, relation, name, def.ColumnDef) : {};
    case "AT_SetNotNull": {
      if (column !== undefined) relation.columns.set(name, { ...column, notNull: true });
      return { scans: column?.notNull !== true && !isProven(relation, name) };
    }
    case "AT_DropNotNull":
      if (column !== undefined) relation.columns.set(name, { ...column, notNull: false });
      return {};
    case "AT_AddConstraint":
      return def && "Constraint" in def ? addConstraint(schema, effects, relation, def.Constraint) : {};
    case "AT_DropConstraint":
      dropConstraint(effects, relation, name);
      return {};
    case "AT_ValidateConstraint": {
      const constraint = relation.constraints.get(name);
      if (constraint === undefined) return { scans: true };
      if (constraint.validated) return {};
      relation.constraints.set(name, { ...constraint, validated: true });
      if (constraint.references !== undefined) touch(effects, constraint.references, "ROW SHARE");
      return { scans: true };
    }
    case "AT_AttachPartition":
    case "AT_DetachPartition":
      if (def && "PartitionCmd" in def) movePartition(schema, effects, relation, subtype, def);
      return {};
    case "AT_AddInherit":
      if (def && "RangeVar" in def) touchNamed(schema, effects, def.RangeVar, "SHARE UPDATE EXCLUSIVE");
      return {};
    case "AT_DropInherit":
      if (def && "RangeVar" in def) touchNamed(schema, effects, def.RangeVar, "ACCESS SHARE");
      return {};
    default:
      return {};
  }
}

/** A valid check proves it, so that no row is looked at (PostgreSQL 12 and later, older ones are refused). */
function isProven(relation: PlannedRelation, column: string): boolean {
  return [...relation.constraints.values()].some(
    ({ validated, proves }) => validated && proves.includes(column),
  );
}

function addColumn(
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

function changeType(
  schema: PlannedSchema,
  relation: PlannedRelation,
  name: string,
  definition: ColumnDef,
): TouchWork {
  const before = relation.columns.get(name);
  const to = columnFrom(schema, definition);
  if (before !== undefined) relation.columns.set(name, { ...to, notNull: before.notNull });
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

/** @param ofColumn for a constraint that stands behind a column */
export function addConstraint(
  schema: PlannedSchema,
  effects: Effects,
  relation: PlannedRelation,
  constraint: Constraint,
  ofColumn: readonly string[] = [],
): TouchWork {
  const { contype, skip_validation: skips = false, is_enforced: isEnforced = true } = constraint;
  const keys = ofColumn.length > 0 ? [...ofColumn] : stringsIn(constraint.keys);
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
      const columns = ofColumn.length > 0 ? ofColumn : stringsIn(constraint.fk_attrs);
      add({ kind: "foreign key", columns, references });
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

function dropConstraint(effects: Effects, relation: PlannedRelation, name: string): void {
  const references = relation.constraints.get(name)?.references;
  // The triggers that kept it stand there.
  if (references !== undefined) touch(effects, references, "ACCESS EXCLUSIVE");
  relation.constraints.delete(name);
}

function movePartition(
  schema: PlannedSchema,
  effects: Effects,
  parent: PlannedRelation,
  subtype: "AT_AttachPartition" | "AT_DetachPartition",
  { PartitionCmd: command }: { PartitionCmd: { name?: { schemaname?: string; relname?: string } } },
): void {
  const attaches = subtype === "AT_AttachPartition";
  const fallback = [...parent.children].find(({ isDefaultPartition }) => isDefaultPartition);
  const child = touchNamed(schema, effects, command.name ?? {}, "ACCESS EXCLUSIVE", {
    scans: attaches,
    withChildren: true,
  });
  if (fallback !== undefined && fallback !== child)
    touch(effects, fallback, "ACCESS EXCLUSIVE", { scans: attaches });
  if (attaches)
    effects.notes.add("a valid CHECK that says the same as the partition's bounds spares the scan");
  if (child === undefined) return;
  if (attaches) parent.children.add(child);
  else parent.children.delete(child);
}
