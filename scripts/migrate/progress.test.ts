import { beforeAll, describe, expect, it } from "@jest/globals";
import type { MigrationEvent } from "../../app/migrate/events.ts";
import { createPaint, mayPaint } from "./paint.ts";
import { createProgress } from "./progress.ts";
import { createScreen } from "./screen.ts";
import { loadWidths, widthOf } from "./width.ts";

beforeAll(loadWidths);

const clear = "\r\u001B[2K";

/** A terminal of a few columns that remembers what was written, and what can be read on it. */
function terminal(columns: number): {
  readonly stream: { write(text: string): boolean; isTTY: true; columns: number };
  readonly writes: string[];
  lines(): string[];
} {
  const writes: string[] = [];
  const write = (text: string): boolean => writes.push(text) > 0;
  return {
    stream: { write, isTTY: true, columns },
    writes,
    lines: () =>
      writes
        .join("")
        .split("\n")
        .map((line) => line.split(clear).at(-1)!),
  };
}

/** Shows the events, each a second after the one before. */
function show(
  columns: number,
  events: readonly MigrationEvent[],
  hasColors = false,
): ReturnType<typeof terminal> {
  const fake = terminal(columns);
  let clock = 0;
  const screen = createScreen(fake.stream, true);
  const progress = createProgress(screen, createPaint(hasColors), () => clock);
  for (const event of events) {
    progress.listener(event);
    clock += 1000;
  }
  progress.settle();
  return fake;
}

const first = { name: "000001_one", direction: "up", index: 1, total: 2 } as const;

describe("a run on a terminal", () => {
  it("leaves a line for each migration with its time", () => {
    const { lines } = show(80, [
      { type: "started", ...first },
      { type: "finished", ...first, ranMs: 34 },
      { type: "started", ...first, name: "000002_two", direction: "down", index: 2 },
      { type: "finished", ...first, name: "000002_two", direction: "down", index: 2, ranMs: 1240 },
    ]);
    expect(lines()).toEqual(["applied   000001_one  34 ms", "reverted  000002_two  1.2 s", ""]);
  });

  it("says what is going on in a line that is written over", () => {
    const { writes } = show(200, [
      {
        type: "waiting-for-database",
        reason: "connection refused",
        elapsed: 2500,
        timeout: 60_000,
        place: "db:5432",
      },
      {
        type: "waiting-for-lock",
        holder: {
          pid: 7,
          applicationName: "headgate migrate up @web-1:9",
          clientAddress: null,
          state: "active",
          since: null,
        },
        waited: 12_000,
      },
      { type: "started", ...first },
      { type: "statement", name: first.name, done: 1, total: 3 },
      { type: "batch", name: first.name, batches: 12, rows: 12_000 },
      { type: "index-progress", name: first.name, phase: "building index: scanning table", percent: 45 },
    ]);
    expect(writes.map((text) => text.replace(clear, ""))).toEqual([
      "waiting for PostgreSQL at db:5432  2 s of 1 min 0 s  connection refused",
      "waiting for the migration lock  12 s  held by headgate migrate up @web-1:9 (backend pid 7)",
      "[1/2] applying 000001_one  0 ms",
      "[1/2] applying 000001_one  1.0 s  statement 1 of 3 done",
      "[1/2] applying 000001_one  2.0 s  12,000 rows in 12 batches (6,000/s)",
      "[1/2] applying 000001_one  3.0 s  45 %  building index: scanning table",
      "",
    ]);
  });

  it("says behind what is known how a long statement is doing, until there is news", () => {
    const blocker = { pid: 7, state: "active", query: "SELECT 1", age: 5000, applicationName: "psql" };
    const { name } = first;
    const working = { type: "working", name, elapsed: 15_000, state: "active", waitEvent: null } as const;
    const { writes } = show(200, [
      { type: "started", ...first },
      { type: "statement", name, done: 1, total: 3 },
      { ...working, blockers: [], statement: { number: 2, total: 3 } },
      { ...working, blockers: [blocker], phase: "waiting for old snapshots, 1 of 1" },
      { type: "statement", name, done: 2, total: 3 },
      {
        type: "index-progress",
        name,
        phase: "waiting for old snapshots",
        percent: undefined,
        blockers: [blocker],
      },
    ]);
    expect(writes.map((text) => text.replace(clear, "")).slice(1, -1)).toEqual([
      "[1/2] applying 000001_one  1.0 s  statement 1 of 3 done",
      "[1/2] applying 000001_one  2.0 s  statement 1 of 3 done  the server works",
      "[1/2] applying 000001_one  3.0 s  statement 1 of 3 done  waits for pid 7 (active, for 5 s: SELECT 1), waiting for old snapshots, 1 of 1",
      "[1/2] applying 000001_one  4.0 s  statement 2 of 3 done",
      "[1/2] applying 000001_one  5.0 s  waits for pid 7: waiting for old snapshots",
    ]);
  });

  it("puts a warning above the live line, not into it", () => {
    const blocker = {
      pid: 7,
      state: "idle in transaction",
      query: "SELECT 1",
      age: 5000,
      applicationName: "psql",
    };
    const { lines } = show(80, [
      { type: "started", ...first },
      { type: "blocked", name: first.name, blockers: [blocker] },
      { type: "retry", name: first.name, attempt: 1, retries: 20, delay: 120, reason: "lock timeout" },
      { type: "notice", name: first.name, severity: "WARNING", text: "look" },
      { type: "notice", name: first.name, severity: "NOTICE", text: "a\u001B]0;title\u0007\nb" },
      { type: "failed", ...first, message: "It failed.\n  2 | SELECT" },
    ]);
    expect(lines()).toEqual([
      "warning   000001_one: waits for pid 7 (idle in transaction, for 5 s: SELECT 1)",
      "warning   000001_one: lock timeout; attempt 2 of 21 in 120 ms",
      "warning   000001_one: look",
      "notice    000001_one: a\\x1b]0;title\\x07\\nb",
      "failed    It failed.",
      "  2 | SELECT",
      "",
    ]);
  });

  it("never fills a line of the terminal, so that it can be written over", () => {
    const name = "000001_漢字漢字漢字漢字漢字漢字漢字漢字";
    const { writes } = show(30, [
      { type: "started", ...first, name },
      { type: "index-progress", name, phase: "building index: loading tuples in tree", percent: 3 },
    ]);
    const shown = writes.map((text) => widthOf(text.replace(clear, "")));
    expect(Math.max(...shown)).toBeLessThan(30);
    expect(Math.max(...shown)).toBeGreaterThan(25);
  });

  it("writes a flood of batches now and then only", () => {
    const fake = terminal(80);
    const progress = createProgress(createScreen(fake.stream, true), createPaint(false), () => 0);
    progress.listener({ type: "started", ...first });
    for (let batches = 1; batches <= 1000; batches++)
      progress.listener({ type: "batch", name: first.name, batches, rows: batches });
    progress.settle();
    expect(fake.writes).toHaveLength(2);
  });
});

describe("colours", () => {
  it("are those of the words that stay, where there are any", () => {
    const { writes } = show(80, [{ type: "finished", ...first, ranMs: 34 }], true);
    expect(writes).toEqual(["\u001B[32mapplied \u001B[39m  000001_one  \u001B[2m34 ms\u001B[22m\n"]);
  });

  it.each([
    [{}, true],
    [{ NO_COLOR: "" }, true],
    [{ NO_COLOR: "1" }, false],
    [{ TERM: "dumb" }, false],
    [{ TERM: "xterm" }, true],
  ])("are used with %j: %s", (env, expected) => {
    expect(mayPaint(env)).toBe(expected);
  });
});
