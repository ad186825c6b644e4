import waitOn from "wait-on";

export interface WaitForOptions {
  /** Milliseconds until it gives up. */
  readonly timeout?: number;
}

const often = { interval: 50, window: 50, proxy: false } as const;

/** Resolves when a GET of `url` answers 2xx. */
export async function waitForHttp(url: string, { timeout = 15_000 }: WaitForOptions = {}): Promise<void> {
  await waitOn({ ...often, resources: [url.replace(/^http/, "http-get")], timeout });
}

/** Resolves when somebody listens on this port of 127.0.0.1. */
export async function waitForPort(port: number, { timeout = 15_000 }: WaitForOptions = {}): Promise<void> {
  await waitOn({ ...often, resources: [`tcp:127.0.0.1:${port}`], timeout });
}
