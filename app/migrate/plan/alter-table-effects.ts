import type { AlterTableCmd, AlterTableStmt } from "libpg-query";
import { addColumn, changeType } from "./column-effects.ts";
import { addConstraint, dropConstraint, isProven } from "./constraint-effects.ts";
import type { LockLevel } from "./lock-levels.ts";
import { findRelation, type PlannedRelation, type PlannedSchema } from "./schema.ts";
import { touch, touchNamed, type Effects, type TouchWork } from "./table-touches.ts";

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
      return def && "ColumnDef" in def ? changeType(schema, effects, relation, name, def.ColumnDef) : {};
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
