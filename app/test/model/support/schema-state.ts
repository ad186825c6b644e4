import { addend, modulus, third, type Content, type Direction, type StepKind } from "./content.ts";

/** The schema and the data as far as model migrations touch them, by the migrations' ids. */
export interface SchemaState {
  readonly counter: number;
  readonly tables: ReadonlySet<number>;
  readonly columns: ReadonlySet<number>;
  readonly indexes: ReadonlyMap<number, "valid" | "invalid">;
  /** Partitions that are no longer plainly attached. */
  readonly partitions: ReadonlyMap<number, "pending" | "detached">;
}

export const emptySchema: SchemaState = {
  counter: 1,
  tables: new Set(),
  columns: new Set(),
  indexes: new Map(),
  partitions: new Map(),
};

/** How a step stands that an interrupted run had begun: begun and not complete, or complete and not recorded. */
export type Remainder = "half" | "done";

/**
 * The schema after this step; undefined when PostgreSQL refuses it.
 *
 * @param remainder of the run that this one resumes
 */
export function takeStep(
  schema: SchemaState,
  kind: StepKind,
  direction: Direction,
  content: Content,
  remainder?: Remainder,
): SchemaState | undefined {
  const { id } = content;
  const up = direction === "up";
  if (remainder === "done") return schema;
  switch (kind) {
    case "bump": {
      const { counter } = schema;
      const next = up
        ? (counter * 3 + addend(content)) % modulus
        : (((counter - addend(content) + modulus) % modulus) * third) % modulus;
      return { ...schema, counter: next };
    }
    case "table":
      return schema.tables.has(id) === up ? undefined : { ...schema, tables: toggled(schema.tables, id) };
    case "column":
      return schema.columns.has(id) === up ? undefined : { ...schema, columns: toggled(schema.columns, id) };
    case "index": {
      const state = schema.indexes.get(id);
      if (up ? state === "valid" : state === undefined) return undefined;
      return { ...schema, indexes: changed(schema.indexes, id, up ? "valid" : undefined) };
    }
    case "detach": {
      const state = schema.partitions.get(id);
      if (up ? state === "detached" : state !== "detached") return undefined;
      if (up && state === "pending" && remainder === undefined) return undefined;
      return { ...schema, partitions: changed(schema.partitions, id, up ? "detached" : undefined) };
    }
    case "fail":
      return up ? undefined : schema;
    default:
      return kind satisfies never;
  }
}

/** The schema when this step was interrupted in its middle. */
export function takeHalfStep(schema: SchemaState, kind: StepKind, { id }: Content): SchemaState {
  if (kind === "index") return { ...schema, indexes: changed(schema.indexes, id, "invalid") };
  return { ...schema, partitions: changed(schema.partitions, id, "pending") };
}

/** The schema without indexes that are INVALID. */
export function withoutInvalidIndexes(schema: SchemaState): SchemaState {
  return { ...schema, indexes: new Map([...schema.indexes].filter(([, state]) => state === "valid")) };
}

/** In words, to compare and to print. */
export function describeSchema({ counter, tables, columns, indexes, partitions }: SchemaState): string {
  const list = (label: string, ids: Iterable<number>): string =>
    `${label}: ${[...ids].toSorted((a, b) => a - b).join(" ") || "none"}`;
  const pairs = (label: string, entries: ReadonlyMap<number, string>): string =>
    `${label}: ${
      [...entries]
        .toSorted(([a], [b]) => a - b)
        .map(([id, state]) => `${id} ${state}`)
        .join(", ") || "none"
    }`;
  return [
    `counter: ${counter}`,
    list("tables", tables),
    list("columns", columns),
    pairs("indexes", indexes),
    pairs("partitions", partitions),
  ].join("; ");
}

function toggled(set: ReadonlySet<number>, id: number): ReadonlySet<number> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}

function changed<T>(map: ReadonlyMap<number, T>, id: number, value: T | undefined): ReadonlyMap<number, T> {
  const next = new Map(map);
  if (value === undefined) next.delete(id);
  else next.set(id, value);
  return next;
}
