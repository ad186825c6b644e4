import type { DropStmt, RenameStmt } from "libpg-query";
import { nameParts } from "../parse-tree.ts";
import { dropRelation, findRelation, referencesTo, type PlannedSchema } from "./schema.ts";
import { touch, touchNamed, type Effects } from "./table-touches.ts";
import { isPartOfTable, isRelation, relationFrom } from "./tree.ts";

export function drop(schema: PlannedSchema, effects: Effects, statement: DropStmt): void {
  const { objects = [], removeType, concurrent, missing_ok: mayBeMissing, behavior } = statement;
  for (const object of objects) {
    const parts = nameParts(object);
    if (isPartOfTable(String(removeType))) {
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

export function rename(schema: PlannedSchema, effects: Effects, statement: RenameStmt): void {
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
