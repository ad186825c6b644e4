import type { PlannedColumn, PlannedSchema } from "./schema.ts";

/**
 * Whether ALTER COLUMN … TYPE writes the table anew. Source: PostgreSQL's ATColumnChangeRequiresRewrite and the support
 * functions of its length coercions: nothing is written where each old value is the same bytes in the new type.
 */
export function rewritesFor(
  { sameBytes, timeZone }: Pick<PlannedSchema, "sameBytes" | "timeZone">,
  from: Pick<PlannedColumn, "type" | "size">,
  to: Pick<PlannedColumn, "type" | "size">,
): boolean {
  if (from.type === to.type) return !isWider(from.type, from.size, to.size);
  if (timeStamps.has(from.type) && timeStamps.has(to.type))
    return (
      !/^(?:Etc\/)?(?:UTC|GMT|UCT|Universal|Zulu|GMT[+-]?0)$/i.test(timeZone) ||
      !isWider(to.type, from.size, to.size)
    );
  return !(sameBytes.has(`${from.type}>${to.type}`) && to.size.length === 0);
}

const timeStamps: ReadonlySet<string> = new Set(["timestamp with time zone", "timestamp without time zone"]);

/** Whether every value of the old size fits into the new one as it is. */
function isWider(type: string, from: readonly number[], to: readonly number[]): boolean {
  if (to.length === 0 || from.join() === to.join()) return true;
  const [[was = 0, wasScale = 0], [is = 0, isScale = 0]] = [from, to];
  if (type === "character varying" || type === "bit varying") return from.length > 0 && is >= was;
  if (type === "numeric") return from.length > 0 && is >= was && isScale === wasScale;
  // Without a size they have the six digits that are the most.
  if (type.startsWith("time")) return is >= (from.length === 0 ? 6 : was);
  return false;
}
