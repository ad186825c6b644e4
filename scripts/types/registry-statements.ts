// Modules that define statements are loaded for the sake of that; one that is missing here gets no types.
/* oxlint-disable import/no-unassigned-import -- see above */
import "../../app/registry/import-repository.ts";
import "../../app/registry/publish-repository.ts";
import "../../app/registry/server-repository.ts";
import "../../app/registry/snapshot.ts";

export { definedStatements } from "../../app/registry/statement.ts";
