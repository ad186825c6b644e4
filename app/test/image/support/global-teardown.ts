import { removeEverything } from "./run.ts";
import { leaveSwarm } from "./swarm.ts";

export default async function endRun(): Promise<void> {
  await removeEverything();
  await leaveSwarm();
}
