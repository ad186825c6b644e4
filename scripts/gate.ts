import { createInterface } from "node:readline";
import { loadLogSettings, loadSettings } from "../app/config/load.ts";
import { openGate, type GateStatus } from "../app/http/gate-listener.ts";
import { createLog } from "../app/log.ts";

/**
 * The listener that docker-entrypoint.sh keeps while it waits and migrates. It reads what happens as JSON lines on
 * stdin, and ends when stdin does. Its first argument is the line that was written before it started.
 */
async function main(first = "", ...argv: string[]): Promise<void> {
  const options = { argv, env: process.env };
  const { port, address, operationsPort } = loadSettings(options);
  const { logLevel, logFormat } = loadLogSettings(options);
  const log = createLog({
    level: logLevel,
    format: logFormat ?? (process.stderr.isTTY ? "pretty" : "json"),
    stream: process.stderr,
  });
  const host = address?.host === undefined ? {} : { host: address.host };
  const gate = await openGate(
    [
      { ...host, port },
      { ...host, port: operationsPort },
    ],
    (error) => log.warn(`nobody answers probes while the schema is prepared: ${error.message}`),
  );
  // A signal is meant for the phases; this process ends when they close its stdin.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => undefined);
  const show = (line: string): void => {
    try {
      if (line !== "") gate.show(JSON.parse(line) as GateStatus);
    } catch {
      log.debug(`not a status: ${line.slice(0, 100)}`);
    }
  };
  show(first);
  for await (const line of createInterface({ input: process.stdin })) show(line);
  await gate.close();
}

void main(...process.argv.slice(2));
