import { AppError } from "../../app/errors.ts";

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** npm passes on the Ctrl-C that the terminal has sent to us already: what comes sooner is the same one. */
const sameWithin = 500;

/** What a person asked for by signals. */
export interface Interruption {
  /** The first one: stop in good order. */
  readonly stop: AbortSignal;
  /** A second one: stop at once. */
  readonly hurry: AbortSignal;
  /** 128 + the number of the first signal. */
  exitCode(): number;
  /** @throws AppError `interrupted` after the first signal */
  check(): void;
  /** Stops listening. */
  close(): void;
}

export function listenForInterruption(): Interruption {
  const stop = new AbortController();
  const hurry = new AbortController();
  let first: { readonly signal: keyof typeof signals; readonly at: number } | undefined;
  const onSignal = (signal: keyof typeof signals): void => {
    if (first === undefined) {
      first = { signal, at: Date.now() };
      stop.abort();
    } else if (Date.now() - first.at > sameWithin) hurry.abort();
  };
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of names) process.on(name, onSignal);
  const exitCode = (): number => signals[first?.signal ?? "SIGTERM"];
  return {
    stop: stop.signal,
    hurry: hurry.signal,
    exitCode,
    check: () => {
      if (stop.signal.aborted) {
        throw new AppError("interrupted", "Stopped before the service started.", {
          details: { exitCode: exitCode() },
        });
      }
    },
    close: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
