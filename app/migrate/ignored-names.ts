/** Tells whether a path below the folder of migrations is meant by one of the patterns. */
export type IsIgnored = (path: string) => boolean;

/**
 * Reads glob patterns, separated by commas or white space: `*` and `?` stand for characters but `/`, `**` for any. A
 * pattern without `/` means a name in any sub-folder, and a folder's pattern means everything in it.
 */
export function createIgnore(patterns: string | undefined): IsIgnored {
  const expressions = (patterns ?? "").split(/[\s,]+/).flatMap((pattern) => {
    const trimmed = pattern.replace(/^\.?\//, "").replace(/\/(?:\*\*)?$/, "");
    if (trimmed === "") return [];
    const anywhere = trimmed.includes("/") ? "" : "(?:.*/)?";
    return [new RegExp(`^${anywhere}${expressionOf(trimmed)}(?:/.*)?$`, "s")];
  });
  return (path) => expressions.some((expression) => expression.test(path));
}

function expressionOf(pattern: string): string {
  return pattern.replaceAll(/\*\*\/|\*+|\?|[^\w/]/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "?") return "[^/]";
    return part.startsWith("*") ? (part === "*" ? "[^/]*" : ".*") : `\\${part}`;
  });
}
