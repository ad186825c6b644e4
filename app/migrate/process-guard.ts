import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** What a guest in our process does with it. */
export interface Guest {
  /** Whether the code that runs now is the guest's. */
  readonly isTheirs: () => boolean;
  /** Whether we are about to end ourselves. */
  readonly isStopping: () => boolean;
  /** A line that the guest has written. */
  readonly onOutput: (line: string) => void;
  /** The guest wants the process to end. What is returned is thrown at it. */
  readonly onEnd: (what: string) => Error;
  readonly onUncaught: (error: unknown) => unknown;
}

type Replaceable = Record<string, (...words: never[]) => unknown>;

/**
 * Keeps the guest from ending the process and from writing to its output, until the returned function is called; with
 * `isGone` false, which is for one that failed and may still be at work, also after that.
 */
export function guardProcess(guest: Guest): (isGone: boolean) => void {
  const { isTheirs, isStopping, onEnd, onUncaught } = guest;
  const undo: (() => void)[] = [];
  const unlisten: (() => void)[] = [];
  let isReleased = false;
  for (const name of ["exit", "reallyExit", "abort"])
    undo.push(
      replace(process, name, (original) => (...words: unknown[]) => {
        // As many words as there were: `exit(undefined)` is not `exit()`, which keeps the exit code.
        if (!isTheirs() && (isReleased || isStopping())) return original(...(words as never[]));
        throw onEnd(`process.${name}(${words.join()})`);
      }),
    );
  undo.push(
    replace(process, "kill", (original) => (pid: number, signal: string | number = "SIGTERM") => {
      const isSelf = pid === process.pid || pid === 0 || pid === -1;
      if (!isTheirs() || !isSelf || signal === 0) return original(pid as never, signal as never);
      throw onEnd(`process.kill with its own process and ${signal}`);
    }),
  );
  const listen = (event: string): void => {
    const others = process.rawListeners(event) as ((...words: unknown[]) => void)[];
    process.removeAllListeners(event);
    process.on(event, onUncaught);
    unlisten.push(() => {
      process.off(event, onUncaught);
      for (const other of others) process.on(event, other);
    });
  };
  listen("uncaughtException");
  listen("unhandledRejection");
  const lines = createLines(guest.onOutput);
  for (const stream of [process.stdout, process.stderr]) {
    undo.push(
      replace(stream, "write", (original) => (chunk: string | Uint8Array, ...rest: unknown[]) => {
        if (!isTheirs()) return original(...([chunk, ...rest] as never[]));
        lines.add(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8"));
        const done = rest.findLast((word) => typeof word === "function") as (() => void) | undefined;
        if (done !== undefined) queueMicrotask(done);
        return true;
      }),
    );
  }
  undo.push(
    replace(
      fs,
      "writeSync",
      (original) =>
        (descriptor: number, chunk: string | Uint8Array, ...rest: unknown[]) => {
          if (!isTheirs() || (descriptor !== 1 && descriptor !== 2))
            return original(...([descriptor, chunk, ...rest] as never[]));
          const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
          lines.add(text);
          return Buffer.byteLength(text);
        },
    ),
  );
  syncBuiltinESMExports();
  return (isGone) => {
    isReleased = true;
    for (const end of unlisten) end();
    if (isGone) {
      for (const restore of undo.toReversed()) restore();
      syncBuiltinESMExports();
    }
    lines.end();
  };
}

function replace(
  target: object,
  name: string,
  make: (original: (...words: never[]) => unknown) => unknown,
): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const original = (target as Replaceable)[name]!.bind(target);
  Object.defineProperty(target, name, {
    value: make(original),
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    if (own === undefined) delete (target as Replaceable)[name];
    else Object.defineProperty(target, name, own);
  };
}

function createLines(onLine: (line: string) => void): { add(text: string): void; end(): void } {
  let open = "";
  return {
    add(text) {
      const lines = (open + text).split(/\r?\n/);
      open = lines.pop()!;
      for (const line of lines) if (line.trim() !== "") onLine(line.slice(0, 2000));
    },
    end() {
      if (open.trim() !== "") onLine(open.slice(0, 2000));
      open = "";
    },
  };
}

/** The process as it is now: folder, environment, exit code and listeners. */
export function keepProcessState(): { restore(what: "all" | "additions of variables stay"): void } {
  const folder = process.cwd();
  const { exitCode } = process;
  let variables = { ...process.env };
  const listeners = new Map(
    process.eventNames().map((event) => [event, process.rawListeners(event)] as const),
  );
  return {
    restore(what) {
      if (process.cwd() !== folder) process.chdir(folder);
      process.exitCode = exitCode;
      for (const name of Object.keys(process.env)) {
        if (name in variables) continue;
        // A module is loaded once, and what it read from `.env` is there for those that come later.
        if (what === "all") delete process.env[name];
      }
      for (const [name, value] of Object.entries(variables))
        if (process.env[name] !== value) process.env[name] = value;
      variables = { ...process.env };
      restoreListeners(listeners);
    },
  };
}

function restoreListeners(before: ReadonlyMap<string | symbol, readonly unknown[]>): void {
  for (const event of new Set([...before.keys(), ...process.eventNames()])) {
    const [kept, now] = [before.get(event) ?? [], process.rawListeners(event)];
    for (const listener of now) if (!kept.includes(listener)) process.off(event, listener as () => void);
    for (const listener of kept)
      if (!now.includes(listener as () => void)) process.on(event, listener as () => void);
  }
}
