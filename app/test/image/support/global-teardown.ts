import { removeEverything } from "./run.ts";

export default async function endRun(): Promise<void> {
  await removeEverything();
}
