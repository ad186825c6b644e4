/**
 * Resolves when the API says that it is ready, however long its migrations take. There is no way to call it off: it
 * ends with the process.
 */
export async function waitUntilReady(host: string, port: number): Promise<void> {
  // A development dependency, absent where only the service is installed.
  const { default: waitOn } = await import("wait-on");
  await waitOn({
    resources: [`http-get://${host.includes(":") ? `[${host}]` : host}:${port}/ready`],
    interval: 100,
    window: 100,
    httpTimeout: 5_000,
    // The way to our own machine leads through no proxy.
    proxy: false,
  });
}
