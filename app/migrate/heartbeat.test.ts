import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { MigrationEvent } from "./events.ts";
import { createHeartbeat, describeWork, type Heartbeat } from "./heartbeat.ts";

let events: MigrationEvent[];
let heartbeat: Heartbeat;

beforeEach(() => {
  jest.useFakeTimers();
  events = [];
  heartbeat = createHeartbeat((event) => void events.push(event), 15_000);
});
afterEach(() => {
  heartbeat.end();
  jest.useRealTimers();
});

const name = "000001_one";
const unknown = { type: "working", name, state: null, waitEvent: null, blockers: [] };

describe("the heartbeat of a run", () => {
  it("comes every 15 s of silence, and not sooner after something was said", () => {
    heartbeat.begin(name, undefined);
    jest.advanceTimersByTime(14_000);
    heartbeat.hears({ type: "warning", name, text: "look" });
    jest.advanceTimersByTime(14_999);
    expect(events).toEqual([]);
    jest.advanceTimersByTime(15_001);
    expect(events).toEqual([
      { ...unknown, elapsed: 29_000 },
      { ...unknown, elapsed: 44_000 },
    ]);
  });

  it("is not put off by what the log keeps for those who debug, and says how far it is", () => {
    heartbeat.begin(name, undefined);
    jest.advanceTimersByTime(14_000);
    heartbeat.hears({ type: "batch", name, batches: 3, rows: 3000 });
    jest.advanceTimersByTime(1000);
    expect(events).toEqual([{ ...unknown, elapsed: 15_000, batches: { number: 3, rows: 3000 } }]);
  });

  it("says nothing of what was seen long ago", () => {
    heartbeat.begin(name, { done: 1, total: 5 });
    jest.advanceTimersByTime(1000);
    heartbeat.sees({ state: "active", waitEvent: null, blockers: [] });
    jest.advanceTimersByTime(14_000);
    expect(events).toEqual([{ ...unknown, elapsed: 15_000, statement: { number: 2, total: 5 } }]);
  });

  it("ends with the migration", () => {
    heartbeat.begin(name, undefined);
    heartbeat.hears({ type: "finished", name, direction: "up", index: 1, total: 1, ranMs: 1 });
    expect(jest.getTimerCount()).toBe(0);
  });
});

it.each([
  [{ state: "active", waitEvent: null }, "the server works"],
  [{ state: "active", waitEvent: "IO: DataFileRead" }, "the server is at IO: DataFileRead"],
  [
    { state: "idle in transaction", waitEvent: "Client: ClientRead" },
    "the server waits for its next statement",
  ],
  [{ state: null, waitEvent: null }, ""],
  [
    { state: "active", waitEvent: null, phase: "building index", statement: { number: 2, total: 3 } },
    "statement 2 of 3, the server works, building index",
  ],
])("%j is said as: %s", (work, text) => {
  expect(describeWork({ name, elapsed: 1, blockers: [], ...work })).toBe(text);
});
