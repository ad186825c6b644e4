import type { CreateStmt, IndexStmt } from "libpg-query";
import { columnFrom, constraintsOf } from "./column-effects.ts";
import { addConstraint } from "./constraint-effects.ts";
import { addRelation, findRelation, type PlannedSchema } from "./schema.ts";
import { touch, touchNamed, type Effects } from "./table-touches.ts";
import { rangeVars } from "./tree.ts";

export function createTable(schema: PlannedSchema, effects: Effects, statement: CreateStmt): void {
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

export function createIndex(schema: PlannedSchema, effects: Effects, statement: IndexStmt): void {
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
