/** Stops the PostgreSQL of this run and removes its data. */
export default async function stopTestCluster(): Promise<void> {
  await globalThis.headgateTestCluster?.stop();
  globalThis.headgateTestCluster = undefined;
}
