import type { ClientBase, Connection, FieldDef } from "pg";

/** What PostgreSQL says about a statement that it has parsed and not run. Types are object identifiers. */
export interface Description {
  readonly parameters: readonly number[];
  /** `tableID` and `columnID` are 0 where the value is computed. */
  readonly columns: readonly FieldDef[];
}

/** node-postgres itself has no use for this message, and passes it on to whoever listens. */
const parameterDescription = "parameterDescription";

/**
 * Has PostgreSQL parse the statement and describe it; nothing is run.
 *
 * @throws DatabaseError for SQL that does not fit the schema
 */
export async function describeStatement(client: ClientBase, text: string): Promise<Description> {
  return await new Promise((resolve, reject) => {
    let parameters: readonly number[] = [];
    let columns: readonly FieldDef[] = [];
    const keep = ({ dataTypeIDs }: { readonly dataTypeIDs: readonly number[] }): void => {
      parameters = dataTypeIDs;
    };
    // The least that node-postgres asks of something that it can submit.
    client.query({
      submit(connection: Connection) {
        connection.removeAllListeners(parameterDescription).once(parameterDescription, keep);
        connection.parse({ name: "", text, types: [] }, true);
        connection.describe({ type: "S", name: "" }, true);
        connection.sync();
      },
      handleRowDescription({ fields }: { fields: readonly FieldDef[] }) {
        columns = fields;
      },
      handleError: reject,
      handleReadyForQuery: () => resolve({ parameters, columns }),
    });
  });
}
