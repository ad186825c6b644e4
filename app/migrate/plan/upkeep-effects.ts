import type { Node, RangeVar, VacuumStmt } from "libpg-query";
import { findRelation, referencesTo, type PlannedRelation, type PlannedSchema } from "./schema.ts";
import { touch, touchNamed, type Effects } from "./table-touches.ts";
import { rangeVars } from "./tree.ts";

export function truncate(
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

export function vacuum(schema: PlannedSchema, effects: Effects, { rels, options }: VacuumStmt): void {
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

export function reindex(
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
