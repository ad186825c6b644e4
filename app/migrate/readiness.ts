import type { Config } from "../config/settings.ts";

/** The least of a pool or client that a read needs. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** What this image's migration files ask of the schema; read once when the service starts. */
export interface SchemaExpectation {
  readonly config: Config;
  readonly versions: readonly string[];
}

export interface SchemaState {
  /** Every non-deferred migration of this image is applied, and the schema is not past its floor. */
  readonly ready: boolean;
  /** A sentence that says why not. */
  readonly reason?: string;
  /** The newest applied and the newest expected version, as written in the file names. */
  readonly applied: string | undefined;
  readonly expected: string | undefined;
}

export async function readSchemaExpectation(config: Config): Promise<SchemaExpectation> {
  return { config, versions: [] };
}

export async function readSchemaState(_database: Queryable, _expectation: SchemaExpectation): Promise<SchemaState> {
  return { ready: true, applied: undefined, expected: undefined };
}
