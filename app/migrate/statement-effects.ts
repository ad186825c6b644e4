import type { CreateStmt, DropStmt, IndexStmt, Node, RangeVar, RenameStmt, VacuumStmt } from "libpg-query";
import { addConstraint, alterTable, columnFrom, constraintsOf } from "./alter-table-effects.ts";
import { lockLevels } from "./lock-levels.ts";
import {
  addRelation,
  dropRelation,
  findRelation,
  referencesTo,
  type PlannedRelation,
  type PlannedSchema,
} from "./plan-schema.ts";
import { callsIn, nameFrom, relationFrom, relationsIn, stringsIn } from "./plan-tree.ts";
import type { TreeNode } from "./statements.ts";
import { noEffects, touch, touchNamed, type Effects } from "./table-touches.ts";

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
    const [parts, kind] = [nameFrom(object), String(objtype)];
    if (isRelation(kind)) touchNamed(schema, effects, relationFrom(parts), "SHARE UPDATE EXCLUSIVE");
    else if (onTable.has(kind)) touchNamed(schema, effects, relationFrom(parts.slice(0, -1)), "ACCESS SHARE");
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
        nameFrom(option.DefElem.arg)[0] !== "volatile",
    );
    schema.functions.set(stringsIn(funcname).at(-1) ?? "", { isVolatile, isOurs: true });
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
    return reads(schema, effects, tree as Node);
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

const onTable: ReadonlySet<string> = new Set([
  "OBJECT_TRIGGER",
  "OBJECT_RULE",
  "OBJECT_POLICY",
  "OBJECT_TABCONSTRAINT",
]);

function isRelation(objtype: string): boolean {
  return /^OBJECT_(?:TABLE|VIEW|MATVIEW|INDEX|SEQUENCE|FOREIGN_TABLE)$/.test(objtype);
}

function rangeVars(nodes: readonly Node[] | undefined): RangeVar[] {
  return (nodes ?? []).flatMap((node) => ("RangeVar" in node ? [node.RangeVar] : []));
}

/** A query and the statements in its WITH: what they change, what they read, and the functions that may do more. */
function reads(schema: PlannedSchema, effects: Effects, query: Node | undefined): void {
  if (query === undefined) return;
  const targets = changedIn(query);
  const whole = changesAll(query);
  const locks = JSON.stringify(query).includes('"LockingClause"');
  for (const target of relationsIn(query)) {
    const changes = targets.has(target);
    const relation = touchNamed(
      schema,
      effects,
      target,
      changes ? "ROW EXCLUSIVE" : locks ? "ROW SHARE" : "ACCESS SHARE",
      { withChildren: target.inh === true, mayBeMissing: !changes, scans: whole === target },
    );
    if (changes && relation?.hasTriggers)
      effects.undecided.add(`what the triggers of ${relation.name} do is decided when it runs`);
  }
  for (const name of new Set(callsIn(query))) {
    const known = schema.functions.get(name);
    if (known?.isOurs && known.isVolatile)
      effects.undecided.add(`what ${name}() does is decided when it runs`);
  }
  if ("SelectStmt" in query && query.SelectStmt.intoClause?.rel !== undefined) {
    effects.touches.delete(query.SelectStmt.intoClause.rel.relname ?? "");
    addRelation(schema, query.SelectStmt.intoClause.rel, "r");
  }
}

/** The target of an UPDATE or DELETE that has no WHERE. */
function changesAll(query: Node): RangeVar | undefined {
  const statement =
    "UpdateStmt" in query ? query.UpdateStmt : "DeleteStmt" in query ? query.DeleteStmt : undefined;
  return statement?.whereClause === undefined ? statement?.relation : undefined;
}

/** The targets of INSERT, UPDATE, DELETE and MERGE. */
function changedIn(query: unknown, found: Set<object> = new Set()): ReadonlySet<object> {
  if (typeof query !== "object" || query === null) return found;
  for (const [key, value] of Object.entries(query)) {
    if (/^(?:Insert|Update|Delete|Merge)Stmt$/.test(key)) found.add((value as { relation: object }).relation);
    changedIn(value, found);
  }
  return found;
}

function createTable(schema: PlannedSchema, effects: Effects, statement: CreateStmt): void {
  const { relation = {}, tableElts = [], partbound, inhRelations, if_not_exists: mayExist } = statement;
  if (mayExist && findRelation(schema, relation) !== undefined)
    return void effects.notes.add(`${relation.relname} is there already`);
  const parents = rangeVars(inhRelations).map((parent) =>
    touchNamed(
      schema,
      effects,
      parent,
      partbound === undefined ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE",
    ),
  );
  const created = addRelation(schema, relation, statement.partspec === undefined ? "r" : "p", {
    isDefaultPartition: partbound?.is_default === true,
  });
  for (const parent of parents) {
    if (parent === undefined) continue;
    const fallback = [...parent.children].find(({ isDefaultPartition }) => isDefaultPartition);
    if (partbound !== undefined && fallback !== undefined)
      touch(effects, fallback, "ACCESS EXCLUSIVE", { scans: true });
    parent.children.add(created);
    for (const [name, column] of parent.columns) created.columns.set(name, column);
  }
  for (const element of tableElts) {
    if ("ColumnDef" in element) {
      const { colname = "" } = element.ColumnDef;
      created.columns.set(colname, columnFrom(schema, element.ColumnDef));
      for (const constraint of constraintsOf(element.ColumnDef))
        addConstraint(schema, effects, created, constraint, [colname]);
    } else if ("Constraint" in element) addConstraint(schema, effects, created, element.Constraint);
    else if ("TableLikeClause" in element)
      touchNamed(schema, effects, element.TableLikeClause.relation ?? {}, "ACCESS SHARE");
  }
}

function createIndex(schema: PlannedSchema, effects: Effects, statement: IndexStmt): void {
  const { relation = {}, idxname, concurrent, if_not_exists: mayExist, indexParams } = statement;
  const table = findRelation(schema, relation);
  const exists =
    mayExist === true &&
    idxname !== undefined &&
    findRelation(schema, { schemaname: table?.schema ?? relation.schemaname ?? "", relname: idxname }) !==
      undefined;
  touchNamed(schema, effects, relation, concurrent ? "SHARE UPDATE EXCLUSIVE" : "SHARE", {
    scans: !exists,
    withChildren: relation.inh === true,
  });
  if (exists) return void effects.notes.add(`the index ${idxname} is there already`);
  if (concurrent) effects.notes.add("it waits for every transaction that is older than it");
  if (table === undefined || idxname === undefined) return;
  addRelation(schema, { schemaname: table.schema, relname: idxname }, "i", {
    indexOf: table,
    indexColumns: (indexParams ?? []).flatMap((node) =>
      "IndexElem" in node && node.IndexElem.name !== undefined ? [node.IndexElem.name] : [],
    ),
  });
}

function drop(schema: PlannedSchema, effects: Effects, statement: DropStmt): void {
  const { objects = [], removeType, concurrent, missing_ok: mayBeMissing, behavior } = statement;
  for (const object of objects) {
    const parts = nameFrom(object);
    if (onTable.has(String(removeType))) {
      touchNamed(schema, effects, relationFrom(parts.slice(0, -1)), "ACCESS EXCLUSIVE", { mayBeMissing });
      continue;
    }
    if (!isRelation(String(removeType))) {
      if (removeType === "OBJECT_STATISTIC_EXT")
        effects.notes.add("its table is locked SHARE UPDATE EXCLUSIVE");
      continue;
    }
    const found = findRelation(schema, relationFrom(parts));
    if (found === undefined) {
      touchNamed(schema, effects, relationFrom(parts), "ACCESS EXCLUSIVE", { mayBeMissing });
      continue;
    }
    if (found.indexOf !== undefined)
      touch(effects, found.indexOf, concurrent ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE", {
        withChildren: found.kind === "I",
      });
    else {
      touch(effects, found, "ACCESS EXCLUSIVE", { withChildren: true });
      for (const { references } of found.constraints.values())
        if (references !== undefined) touch(effects, references, "ACCESS EXCLUSIVE");
      for (const other of referencesTo(schema, found)) touch(effects, other, "ACCESS EXCLUSIVE");
      if (found.kind === "r" || found.kind === "p")
        effects.notes.add(`the data in ${found.name} is gone with the table`);
    }
    dropRelation(schema, found);
  }
  if (behavior === "DROP_CASCADE") effects.undecided.add("what CASCADE takes along is decided when it runs");
  else if (removeType === "OBJECT_SCHEMA") effects.notes.add("a schema that is not empty is refused");
}

function rename(schema: PlannedSchema, effects: Effects, statement: RenameStmt): void {
  const { renameType, relation, newname = "", subname = "", missing_ok: mayBeMissing } = statement;
  if (relation === undefined) return;
  const isIndex = renameType === "OBJECT_INDEX" || findRelation(schema, relation)?.indexOf !== undefined;
  const found = touchNamed(
    schema,
    effects,
    relation,
    isIndex ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE",
    {
      withChildren: renameType === "OBJECT_COLUMN",
      mayBeMissing,
    },
  );
  if (found === undefined) return;
  const move = <T>(map: Map<string, T>): void => {
    const value = map.get(subname);
    if (value === undefined) return;
    map.delete(subname);
    map.set(newname, value);
  };
  if (renameType === "OBJECT_COLUMN") move(found.columns);
  else if (renameType === "OBJECT_TABCONSTRAINT") move(found.constraints);
  else if (isRelation(String(renameType))) found.name = newname;
}

function truncate(
  schema: PlannedSchema,
  effects: Effects,
  { relations, behavior }: { relations?: Node[]; behavior?: string },
): void {
  const emptied: PlannedRelation[] = [];
  for (const target of rangeVars(relations)) {
    const found = touchNamed(schema, effects, target, "ACCESS EXCLUSIVE", {
      withChildren: target.inh === true,
    });
    if (found !== undefined) emptied.push(found);
  }
  // The list grows while it is gone through: what points at a table that is emptied along is emptied, too.
  if (behavior === "DROP_CASCADE")
    for (const table of emptied)
      for (const other of referencesTo(schema, table)) {
        touch(effects, other, "ACCESS EXCLUSIVE");
        if (!emptied.includes(other)) emptied.push(other);
      }
  if (emptied.some(({ isNew }) => !isNew))
    effects.notes.add(`the data in ${emptied.map(({ name }) => name).join(", ")} is gone`);
}

function vacuum(schema: PlannedSchema, effects: Effects, { rels, options }: VacuumStmt): void {
  const isFull = (options ?? []).some((option) => "DefElem" in option && option.DefElem.defname === "full");
  const tables = (rels ?? []).flatMap((node) =>
    "VacuumRelation" in node && node.VacuumRelation.relation ? [node.VacuumRelation.relation] : [],
  );
  for (const table of tables)
    touchNamed(schema, effects, table, isFull ? "ACCESS EXCLUSIVE" : "SHARE UPDATE EXCLUSIVE", {
      rewrites: isFull,
      withChildren: true,
    });
  if (tables.length === 0)
    effects.notes.add("it goes through every table of the database, one after the other");
}

function reindex(
  schema: PlannedSchema,
  effects: Effects,
  { kind, relation, params }: { kind?: string; relation?: RangeVar; params?: Node[] },
): void {
  const concurrent = (params ?? []).some(
    (option) => "DefElem" in option && option.DefElem.defname === "concurrently",
  );
  if (relation === undefined)
    return void effects.notes.add(
      `it goes through every table of the ${kind === "REINDEX_OBJECT_SCHEMA" ? "schema" : "database"}, one after the other`,
    );
  const found = findRelation(schema, relation);
  const lock = concurrent ? "SHARE UPDATE EXCLUSIVE" : "SHARE";
  if (found === undefined) touchNamed(schema, effects, relation, lock);
  else
    touch(effects, found.indexOf ?? found, lock, {
      scans: true,
      withChildren: true,
      readersWait: !concurrent,
    });
  if (!concurrent)
    effects.notes.add("the index itself is locked ACCESS EXCLUSIVE: queries that would plan with it wait");
}
