import { closestTo } from "../../config/closest.ts";
import type { Directives } from "../directives.ts";
import type { Remark } from "./finding.ts";
import { lintRules, type OwnRemark } from "./rules.ts";
import { squawkRules } from "./squawk-rules.ts";

/**
 * Takes out what the file allows (`-- migrate: allow=RULE REASON`) and adds a remark for each directive that names no
 * rule or silences nothing. Where squawk could not judge, nobody knows what its rules would have found.
 */
export function withoutAllowed<T extends Remark>(
  remarks: readonly T[],
  { allow }: Pick<Directives, "allow">,
  text: string,
  squawkJudged: boolean,
): (T | OwnRemark)[] {
  if (allow.size === 0) return [...remarks];
  const found = new Set(remarks.map(({ rule }) => rule));
  const useless = [...allow.keys()].flatMap((rule): OwnRemark[] => {
    const offset = placeOf(rule, text);
    const squawkRule = squawkRules[rule];
    if (!(rule in lintRules) && squawkRule === undefined) {
      const closest = closestTo(rule, [...Object.keys(lintRules), ...Object.keys(squawkRules)]);
      const meant = closest === undefined ? "" : ` (did you mean ${closest}?)`;
      return [{ rule: "unknown-allow", offset, message: `There is no rule "${rule}"${meant}.` }];
    }
    if (found.has(rule) || (squawkRule !== undefined && squawkRule.severity !== "off" && !squawkJudged))
      return [];
    const why = squawkRule?.severity === "off" ? "is off here" : "finds nothing in this file";
    return [{ rule: "unused-allow", offset, message: `allow=${rule} silences nothing: the rule ${why}.` }];
  });
  return [
    ...remarks.filter(({ rule }) => !allow.has(rule)),
    ...useless.filter(({ rule }) => !allow.has(rule)),
  ];
}

function placeOf(rule: string, text: string): number {
  for (const match of text.matchAll(/^[ \t]*(?:--|\/\/)\s*migrate\s*:\s*allow=(\S+)/gim))
    if (match[1] === rule) return match.index + match[0].length - rule.length;
  return 0;
}
