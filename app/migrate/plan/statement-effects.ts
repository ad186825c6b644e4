import { nameParts, wordsOf, type TreeNode } from "../parse-tree.ts";
import { alterTable } from "./alter-table-effects.ts";
import { createIndex, createTable } from "./create-effects.ts";
import { drop, rename } from "./drop-effects.ts";
import { lockLevels } from "./lock-levels.ts";
import { reads } from "./query-effects.ts";
import { addRelation, findRelation, type PlannedSchema } from "./schema.ts";
import { noEffects, touch, touchNamed, type Effects } from "./table-touches.ts";
import { isPartOfTable, isRelation, rangeVars, relationFrom, relationsIn } from "./tree.ts";
import { reindex, truncate, vacuum } from "./upkeep-effects.ts";

/**
 * What a statement locks, reads whole and writes anew; the schema is then as the statement leaves it. What only its
 * execution decides is said, not guessed. The table is checked against a real server by a test.
 */
export function statementEffects(schema: PlannedSchema, tree: TreeNode): Effects {
  const effects = noEffects();
  describe(schema, effects, tree);
  return effects;
}

function describe(schema: PlannedSchema, effects: Effects, tree: TreeNode): void {
  const [node] = Object.keys(tree) as [string];
  if ("AlterTableStmt" in tree) return alterTable(schema, effects, tree.AlterTableStmt);
  if ("CreateStmt" in tree) return createTable(schema, effects, tree.CreateStmt);
  if ("IndexStmt" in tree) return createIndex(schema, effects, tree.IndexStmt);
  if ("DropStmt" in tree) return drop(schema, effects, tree.DropStmt);
  if ("RenameStmt" in tree) return rename(schema, effects, tree.RenameStmt);
  if ("VacuumStmt" in tree) return vacuum(schema, effects, tree.VacuumStmt);
  if ("AlterObjectSchemaStmt" in tree) {
    const { relation, newschema = "" } = tree.AlterObjectSchemaStmt;
    if (relation === undefined) return;
    const found = touchNamed(schema, effects, relation, "ACCESS EXCLUSIVE");
    if (found !== undefined) found.schema = newschema;
    return;
  }
  if ("CreateTableAsStmt" in tree) {
    const { query, into, objtype } = tree.CreateTableAsStmt;
    reads(schema, effects, query);
    addRelation(schema, into?.rel ?? {}, objtype === "OBJECT_MATVIEW" ? "m" : "r");
    return;
  }
  if ("ViewStmt" in tree) {
    const { view = {}, query } = tree.ViewStmt;
    reads(schema, effects, query);
    const known = findRelation(schema, view);
    if (known === undefined) addRelation(schema, view, "v");
    else touch(effects, known, "ACCESS EXCLUSIVE");
    return;
  }
  if ("CreateSchemaStmt" in tree) {
    const { schemaname = "", schemaElts = [] } = tree.CreateSchemaStmt;
    const { searchPath } = schema;
    schema.searchPath = [schemaname, ...searchPath];
    for (const element of schemaElts) describe(schema, effects, element);
    schema.searchPath = searchPath;
    return;
  }
  if ("CreateSeqStmt" in tree) {
    const { sequence = {}, if_not_exists: mayExist } = tree.CreateSeqStmt;
    if (!mayExist || findRelation(schema, sequence) === undefined) addRelation(schema, sequence, "S");
    return;
  }
  if ("AlterSeqStmt" in tree)
    return void touchNamed(schema, effects, tree.AlterSeqStmt.sequence ?? {}, "SHARE ROW EXCLUSIVE");
  if ("TruncateStmt" in tree) return truncate(schema, effects, tree.TruncateStmt);
  if ("LockStmt" in tree) {
    const lock = lockLevels[(tree.LockStmt.mode ?? 1) - 1] ?? "ACCESS EXCLUSIVE";
    for (const target of rangeVars(tree.LockStmt.relations))
      touchNamed(schema, effects, target, lock, { withChildren: target.inh === true });
    return;
  }
  if ("CreateTrigStmt" in tree)
    return void touchNamed(schema, effects, tree.CreateTrigStmt.relation ?? {}, "SHARE ROW EXCLUSIVE", {
      withChildren: true,
    });
  if ("RuleStmt" in tree)
    return void touchNamed(schema, effects, tree.RuleStmt.relation ?? {}, "ACCESS EXCLUSIVE");
  if ("CreatePolicyStmt" in tree)
    return void touchNamed(schema, effects, tree.CreatePolicyStmt.table ?? {}, "ACCESS EXCLUSIVE");
  if ("AlterPolicyStmt" in tree)
    return void touchNamed(schema, effects, tree.AlterPolicyStmt.table ?? {}, "ACCESS EXCLUSIVE");
  if ("CreateStatsStmt" in tree) {
    for (const target of rangeVars(tree.CreateStatsStmt.relations))
      touchNamed(schema, effects, target, "SHARE UPDATE EXCLUSIVE");
    return;
  }
  if ("CreatePublicationStmt" in tree || "AlterPublicationStmt" in tree) {
    for (const target of relationsIn(tree)) touchNamed(schema, effects, target, "SHARE UPDATE EXCLUSIVE");
    return;
  }
  if ("ClusterStmt" in tree) {
    const { relation } = tree.ClusterStmt;
    if (relation === undefined)
      effects.undecided.add("CLUSTER without a table takes each that was clustered before");
    else touchNamed(schema, effects, relation, "ACCESS EXCLUSIVE", { rewrites: true });
    return;
  }
  if ("RefreshMatViewStmt" in tree) {
    const { relation = {}, concurrent } = tree.RefreshMatViewStmt;
    touchNamed(schema, effects, relation, concurrent ? "EXCLUSIVE" : "ACCESS EXCLUSIVE", {
      rewrites: !concurrent,
      scans: true,
    });
    effects.notes.add("the tables that its query reads are read, too");
    return;
  }
  if ("ReindexStmt" in tree) return reindex(schema, effects, tree.ReindexStmt);
  if ("CommentStmt" in tree) {
    const { objtype, object } = tree.CommentStmt;
    const [parts, kind] = [nameParts(object), String(objtype)];
    if (isRelation(kind)) touchNamed(schema, effects, relationFrom(parts), "SHARE UPDATE EXCLUSIVE");
    else if (isPartOfTable(kind))
      touchNamed(schema, effects, relationFrom(parts.slice(0, -1)), "ACCESS SHARE");
    else if (kind === "OBJECT_COLUMN")
      touchNamed(schema, effects, relationFrom(parts.slice(0, -1)), "SHARE UPDATE EXCLUSIVE");
    return;
  }
  if ("CreateFunctionStmt" in tree) {
    const { funcname, options } = tree.CreateFunctionStmt;
    const isVolatile = !(options ?? []).some(
      (option) =>
        "DefElem" in option &&
        option.DefElem.defname === "volatility" &&
        option.DefElem.arg !== undefined &&
        nameParts(option.DefElem.arg)[0] !== "volatile",
    );
    schema.functions.set(wordsOf(funcname).at(-1) ?? "", { isVolatile, isOurs: true });
    return;
  }
  if ("VariableSetStmt" in tree) {
    const { name, args } = tree.VariableSetStmt;
    if (name === "search_path" && args !== undefined)
      schema.searchPath = args.flatMap((arg) => ("A_Const" in arg ? [arg.A_Const.sval?.sval ?? ""] : []));
    return;
  }
  if ("CopyStmt" in tree) {
    const { relation, is_from: isFrom, query } = tree.CopyStmt;
    if (relation === undefined) reads(schema, effects, query);
    else touchNamed(schema, effects, relation, isFrom ? "ROW EXCLUSIVE" : "ACCESS SHARE");
    return;
  }
  if (
    "SelectStmt" in tree ||
    "InsertStmt" in tree ||
    "UpdateStmt" in tree ||
    "DeleteStmt" in tree ||
    "MergeStmt" in tree
  )
    return reads(schema, effects, tree);
  if ("DoStmt" in tree) return void effects.undecided.add("what a DO block does is decided when it runs");
  if ("CallStmt" in tree) return void effects.undecided.add("what a procedure does is decided when it runs");
  if ("ExecuteStmt" in tree) return void effects.undecided.add("what EXECUTE does is decided when it runs");
  if ("CreateExtensionStmt" in tree)
    return void effects.undecided.add("what an extension's script does is decided when it runs");
  if ("AlterDomainStmt" in tree)
    return void effects.undecided.add(
      "which tables have a column of the domain, and are read for it, is decided when it runs",
    );
  if (!lockFree.has(node))
    effects.undecided.add(`${node.replace(/Stmt$/, "")}: what it locks is decided when it runs`);
}

/** They touch the catalogue only, or no table that somebody could wait for. */
const lockFree: ReadonlySet<string> = new Set([
  "CreateSchemaStmt", "CreateEnumStmt", "AlterEnumStmt", "CompositeTypeStmt", "CreateDomainStmt", "CreateRangeStmt", "DefineStmt",
  "GrantStmt", "GrantRoleStmt", "CreateRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "DropRoleStmt", "AlterDefaultPrivilegesStmt",
  "AlterFunctionStmt", "AlterOwnerStmt", "CreateCastStmt", "CreateOpClassStmt", "CreateOpFamilyStmt", "AlterOpFamilyStmt",
  "CreateFdwStmt", "CreateForeignServerStmt", "CreateUserMappingStmt", "CreatePLangStmt", "CreateEventTrigStmt", "AlterEventTrigStmt",
  "CreateConversionStmt", "CreateTransformStmt", "CreateAmStmt", "AlterTypeStmt", "AlterOperatorStmt", "AlterDatabaseStmt",
  "AlterDatabaseSetStmt", "AlterSystemStmt", "CreatedbStmt", "DropdbStmt", "CreateTableSpaceStmt", "DropTableSpaceStmt",
  "TransactionStmt", "ConstraintsSetStmt", "VariableShowStmt", "NotifyStmt", "ListenStmt", "UnlistenStmt", "PrepareStmt",
  "DeallocateStmt", "DiscardStmt", "CheckPointStmt", "LoadStmt", "ExplainStmt", "AlterExtensionStmt", "AlterTSConfigurationStmt",
  "AlterTSDictionaryStmt", "CreateSubscriptionStmt", "AlterSubscriptionStmt", "DropSubscriptionStmt",
]); // prettier-ignore
