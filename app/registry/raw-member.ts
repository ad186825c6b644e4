/**
 * The text of one member of a JSON object as it stands in `json`, so that a document can be kept byte for byte;
 * undefined when the object has no such member. Of a repeated member the last one counts, as for JSON.parse.
 *
 * @param json what JSON.parse took as an object; anything else gives nonsense
 */
export function rawMember(json: string, member: string): string | undefined {
  const place = findMember(json, member);
  return place && json.slice(...place);
}

/** The object with another value, as JSON text, for a member that it has; everything else stays byte for byte. */
export function replaceMember(json: string, member: string, value: string): string {
  const place = findMember(json, member);
  return place === undefined ? json : json.slice(0, place[0]) + value + json.slice(place[1]);
}

function findMember(json: string, member: string): [start: number, end: number] | undefined {
  let found: [number, number] | undefined;
  let at = skipSpace(json, json.indexOf("{") + 1);
  while (at < json.length && json[at] === '"') {
    const keyEnd = skipString(json, at);
    const isWanted = JSON.parse(json.slice(at, keyEnd)) === member;
    const start = skipSpace(json, json.indexOf(":", keyEnd) + 1);
    const end = skipValue(json, start);
    if (isWanted) found = [start, end];
    at = skipSpace(json, skipSpace(json, end) + 1); // over the comma
  }
  return found;
}

/** How many arrays and objects lie in one another in `json`. */
export function depthOf(json: string): number {
  let deepest = 0;
  let depth = 0;
  for (let at = 0; at < json.length;) {
    const character = json[at];
    if (character === '"') {
      at = skipString(json, at);
      continue;
    }
    if (character === "{" || character === "[") deepest = Math.max(deepest, ++depth);
    else if (character === "}" || character === "]") depth--;
    at++;
  }
  return deepest;
}

/** A member that some object in `json` has twice, whichever comes first; undefined: there is none. */
export function repeatedMember(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length;) {
    const character = json[at]!;
    if (character !== '"') {
      if (character === "{") open.push(new Set());
      else if (character === "[") open.push(undefined);
      else if (character === "}" || character === "]") open.pop();
      at++;
      continue;
    }
    const end = skipString(json, at);
    const names = open.at(-1);
    // Only the name of a member is followed by a colon.
    if (names !== undefined && json[skipSpace(json, end)] === ":") {
      const name: string = JSON.parse(json.slice(at, end));
      if (names.has(name)) return name;
      names.add(name);
    }
    at = end;
  }
  return undefined;
}

function skipSpace(json: string, start: number): number {
  let at = start;
  while (at < json.length && " \t\n\r".includes(json[at]!)) at++;
  return at;
}

/** The place after the string that begins at `start`. */
function skipString(json: string, start: number): number {
  for (let at = start + 1; ;) {
    const quote = json.indexOf('"', at);
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === "\\") backslashes++;
    if (quote === -1) return json.length;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function skipValue(json: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < json.length) {
    const character = json[at]!;
    if (character === '"') at = skipString(json, at);
    else {
      if (character === "{" || character === "[") depth++;
      // A bare number or word ends before the comma or bracket that follows it.
      if (depth === 0 && ",]} \t\n\r".includes(character)) return at;
      if (character === "}" || character === "]") depth--;
      at++;
    }
    if (depth === 0 && '"}]'.includes(json[at - 1]!)) return at;
  }
  return at;
}
