import type { ClientBase } from "pg";
import type { DefinedStatement } from "../../app/registry/statement.ts";
import { describeStatement } from "./describe-statement.ts";
import { findNeverNull } from "./never-null.ts";
import { TypeTable } from "./typescript-type.ts";

/**
 * The text of a TypeScript module: what each statement takes and gives, according to the database that `client` is
 * connected to.
 *
 * @throws Error naming the statement that does not fit the schema, or has a type that is not decided about
 */
export async function generateTypes(
  client: ClientBase,
  statements: readonly Pick<DefinedStatement, "name" | "text">[],
): Promise<string> {
  const types = await TypeTable.read(client);
  const entries: string[] = [];
  for (const { name, text } of statements.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    try {
      entries.push(await describe(client, types, name, text));
    } catch (error) {
      throw new Error(`the statement ${name}: ${String(error)}`, { cause: error });
    }
  }
  const enums = types
    .enums()
    .map(
      ({ name, labels }) =>
        `export type ${name} = ${labels.map((label) => JSON.stringify(label)).join(" | ")};\n`,
    );
  return `${head}${enums.join("")}
export interface StatementTypes {
${entries.join("")}}
`;
}

const head = `// Made by \`npm run types\`: PostgreSQL itself has described the registry's statements on the schema of all migrations. Not
// to be edited; a test fails when it says something else than PostgreSQL.

`;

async function describe(client: ClientBase, types: TypeTable, name: string, text: string): Promise<string> {
  const { parameters, columns } = await describeStatement(client, text);
  const neverNull = await findNeverNull(client, text);
  const taken = parameters.map((oid) => `${types.typeOf(oid).taken} | null | undefined`);
  const members = columns.map((column, index) => {
    const { given } = types.typeOf(column.dataTypeID);
    if (given === undefined) throw new Error(`nobody has decided what ${column.name} is in a row`);
    return `      readonly ${column.name}: ${given}${neverNull[index] === true ? "" : " | null"};\n`;
  });
  return `  readonly ${JSON.stringify(name)}: {
    readonly parameters: readonly [${taken.map((type) => `\n      ${type},`).join("")}${taken.length > 0 ? "\n    " : ""}];
    readonly row: ${members.length > 0 ? `{\n${members.join("")}    }` : "Record<string, never>"};
  };
`;
}
