import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { inspect } from "node:util";
import { AppError, messageOf } from "../errors.ts";
import { guardProcess, keepProcessState } from "./process-guard.ts";

/** What a migration in code may do to the process that it shares with us, and what became of what it began. */
export interface CodeGuard {
  /** Runs `work` as the migration's: what it starts is known as its own. */
  load<T>(work: () => Promise<T>): Promise<T>;
  call<T>(work: () => T): T;
  /** Runs `work` as ours. */
  ours<T>(work: () => T): T;
  /** Counts a promise of ours that the migration waits for. */
  track<T>(work: () => Promise<T>): Promise<T>;
  /** Rejects when the migration does what it must not, or can never come to its end. */
  readonly broken: Promise<never>;
  /**
   * Resolves once nothing of the migration goes on behind its function.
   *
   * @throws AppError `migration-failed` when something does
   */
  settle(): Promise<void>;
}

interface Owner {
  readonly live: Map<number, { readonly type: string; readonly resource: object }>;
}

const owners = new AsyncLocalStorage<Owner>();
/** Milliseconds: how long what was left running may take, and how often it is looked at. */
const [patience, beat] = [2000, 250];
/** Kinds of resources that keep nothing going by themselves. */
const passive: ReadonlySet<string> = new Set(["PROMISE", "TickObject", "Microtask"]);

let latest: { readonly name: string; hasFailed: boolean } | undefined;

/** The migration in code that was called last in this process; what fails late is most probably its doing. */
export function latestCode(): Readonly<typeof latest> {
  return latest;
}

/**
 * Runs a migration in code so that it can neither end our process nor write to our stdout, and so that what it starts
 * and does not wait for is noticed. The process is afterwards as it was.
 *
 * @param onOutput gets each line that it writes to stdout or stderr
 * @throws AppError `migration-failed` for what it must not do; what `work` throws
 */
export async function withCodeGuard<T>(
  name: string,
  signal: AbortSignal | undefined,
  onOutput: (line: string) => void,
  work: (guard: CodeGuard) => Promise<T>,
): Promise<T> {
  const mine = { name, hasFailed: false };
  latest = mine;
  const [loading, calling]: Owner[] = [{ live: new Map() }, { live: new Map() }];
  let failure: AppError | undefined;
  let isOver = false;
  let isSound = false;
  let inFlight = 0;
  let reject: (reason: AppError) => void = () => undefined;
  const broken = new Promise<never>((_resolve, rejectIt) => (reject = rejectIt));
  broken.catch(() => undefined);
  const fail = (message: string, cause?: unknown): AppError => {
    failure ??= new AppError("migration-failed", message, { cause });
    reject(failure);
    return failure;
  };
  const assertSound = (): void => {
    if (failure !== undefined) throw failure;
  };
  const hook = createHook({
    init: (id, type, _trigger, resource) => {
      const owner = owners.getStore();
      if (owner !== undefined && !passive.has(type)) owner.live.set(id, { type, resource });
    },
    destroy: (id) => {
      loading!.live.delete(id);
      calling!.live.delete(id);
    },
  }).enable();
  const releaseProcess = guardProcess({
    isTheirs: () => owners.getStore() !== undefined,
    isStopping: () => signal?.aborted === true,
    // Our log writes to the same streams.
    onOutput: (line) => owners.exit(() => onOutput(line)),
    onEnd: (what) =>
      fail(`it called ${what}, which would end this program. Let its function return, or throw an error`),
    onUncaught: (error) =>
      fail(`something that it did not wait for failed: ${describeThrown(error)}. Await it`, error),
  });
  const state = keepProcessState();
  let idleBeats = 0;
  const heart = setInterval(() => {
    const isIdle = !isOver && inFlight === 0 && activeIn([loading!, calling!]) === 0;
    idleBeats = isIdle ? idleBeats + 1 : 0;
    if (idleBeats >= 4)
      fail(
        "its function never comes to its end: nothing is left that could settle its promise or call its callback",
      );
  }, beat);
  const guard: CodeGuard = {
    broken,
    async load(module) {
      try {
        return await Promise.race([owners.run(loading!, module), broken]);
      } finally {
        state.restore("additions of variables stay");
      }
    },
    call: (action) => owners.run(calling!, action),
    ours: (action) => owners.exit(action),
    async track(action) {
      if (isOver)
        throw fail("it used pgm.db after its function had returned: something in it is not awaited");
      inFlight += 1;
      try {
        return await owners.exit(action);
      } finally {
        inFlight -= 1;
      }
    },
    async settle() {
      assertSound();
      isOver = true;
      const forgotten = inFlight > 0;
      // What it left in the queue of this turn runs first.
      await owners.exit(nextTurn);
      // oxlint-disable-next-line no-unmodified-loop-condition -- `track` counts.
      while (inFlight > 0) await owners.exit(nextTurn);
      await owners.exit(nextTurn);
      assertSound();
      if (forgotten)
        throw fail(
          "its function returned while a query of pgm.db was still running. Await it, or return its promise",
        );
      const until = Date.now() + patience;
      for (let left = leftIn(calling!); left.length > 0; left = leftIn(calling!)) {
        if (Date.now() > until) {
          throw fail(
            `its function returned and left ${left[0]} running. Await what it began; clear a timer that is not needed any more, or \`unref()\` it`,
          );
        }
        await owners.exit(() => pause(20));
        assertSound();
      }
    },
  };
  try {
    const result = await Promise.race([work(guard), broken]);
    assertSound();
    isSound = true;
    return result;
  } catch (error) {
    throw failure ?? error;
  } finally {
    // What was refused rejects promises that it may not look at.
    mine.hasFailed = !isSound;
    if (!isSound) await owners.exit(nextTurn);
    isOver = true;
    clearInterval(heart);
    hook.disable();
    state.restore("all");
    releaseProcess(isSound);
  }
}

/** How many things may still wake the migration up. */
function activeIn(all: readonly Owner[]): number {
  return all.reduce(
    (sum, { live }) => sum + [...live.values()].filter(({ type }) => isAlive(type)).length,
    0,
  );
}

/** What stays in our books until the garbage collector finds it is asked of Node. */
function isAlive(type: string): boolean {
  return type !== "FSREQPROMISE" || process.getActiveResourcesInfo().includes("FSReqPromise");
}

const kinds: Readonly<Record<string, string>> = {
  Timeout: "a timer",
  Immediate: "a timer",
  FSREQCALLBACK: "work on a file",
  FSREQPROMISE: "work on a file",
  GETADDRINFOREQWRAP: "a look-up of an address",
  PROCESSWRAP: "a process",
  WORKER: "a thread",
};

/** What goes on and will do something. Open connections are not meant: a library may keep them for later. */
function leftIn({ live }: Owner): string[] {
  return [...live.values()].flatMap(({ type, resource }) => {
    const kind = kinds[type];
    const keepsRunning = (resource as { hasRef?: () => boolean }).hasRef?.() !== false;
    return kind !== undefined && keepsRunning && isAlive(type) ? [kind] : [];
  });
}

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function describeThrown(error: unknown): string {
  return error instanceof Error
    ? messageOf(error)
    : inspect(error, { breakLength: Number.POSITIVE_INFINITY });
}
