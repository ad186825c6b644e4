import { markVersions, selectMarks, type VersionMark } from "./import-repository.ts";
import { latestOf } from "./latest.ts";
import type { Database } from "./statement.ts";

const serversPerStep = 500;

/**
 * Makes the mark of every given server true to the rule, inside the caller's transaction, and returns how many servers
 * have another latest version than before. Both versions, the one that was the latest and the one that is, get a new
 * updated_at; a server that had none keeps its dates.
 */
export async function markLatest(database: Database, names: readonly string[]): Promise<number> {
  let moved = 0;
  for (let start = 0; start < names.length; start += serversPerStep) {
    const marks = await selectMarks(database, names.slice(start, start + serversPerStep));
    const unmark: Change[] = [];
    const mark: Change[] = [];
    for (const versions of byName(marks)) {
      const latest = latestOf(candidatesOf(versions));
      const others = versions.filter((version) => version.isLatest && version !== latest);
      const hadAnother = others.length > 0;
      unmark.push(...others.map(({ name, version }) => ({ name, version, touch: true })));
      if (!latest.isLatest) mark.push({ name: latest.name, version: latest.version, touch: hadAnother });
      if (hadAnother) moved++;
    }
    // In this order: the index allows one latest version per server at any moment.
    if (unmark.length > 0) await markVersions(database, unmark, false);
    if (mark.length > 0) await markVersions(database, mark, true);
  }
  return moved;
}

/** What may be the latest: the versions that are not deleted; where all are, all of them. */
function candidatesOf(versions: Versions): Versions {
  const [first, ...others] = versions.filter(({ status }) => status !== "deleted");
  return first === undefined ? versions : [first, ...others];
}

type Versions = readonly [VersionMark, ...VersionMark[]];

interface Change {
  readonly name: string;
  readonly version: string;
  readonly touch: boolean;
}

function byName(marks: readonly VersionMark[]): Iterable<[VersionMark, ...VersionMark[]]> {
  const groups = new Map<string, [VersionMark, ...VersionMark[]]>();
  for (const mark of marks) {
    const group = groups.get(mark.name);
    if (group === undefined) groups.set(mark.name, [mark]);
    else group.push(mark);
  }
  return groups.values();
}
