// Modules that define statements are loaded for the sake of that; one that is missing here gets no types.
/* oxlint-disable import/no-unassigned-import -- see above */
import "../../app/registry/import-repository.ts";
import "../../app/registry/publish-repository.ts";
import "../../app/registry/server-repository.ts";
import "../../app/registry/snapshot.ts";

import { withBareNames } from "../../app/registry/schema.ts";
import { definedStatements as definedInSchema, type DefinedStatement } from "../../app/registry/statement.ts";

/** As a client sends them whose search path is its own. */
export function definedStatements(): Pick<DefinedStatement, "name" | "text">[] {
  return definedInSchema().map(({ name, text }) => ({ name, text: withBareNames(text) }));
}
