import type { SettingValues } from "../../app/config/settings.ts";
import { AppError } from "../../app/errors.ts";
import { findPortProblem } from "../embedded-postgres/free-port.ts";

/**
 * Finds out before anything is started whether the service will be able to listen.
 *
 * @throws AppError `configuration` that names every port that it cannot have
 */
export async function checkPorts(settings: SettingValues): Promise<void> {
  const wanted = [
    {
      name: settings.address === undefined ? "PORT" : "ADDRESS",
      port: settings.port,
      host: settings.address?.host,
    },
    { name: "OPERATIONS_PORT", port: settings.operationsPort, host: undefined },
  ];
  const problems = await Promise.all(
    wanted.map(async ({ name, port, host }) => {
      const code = port === 0 ? undefined : await findPortProblem(port, host);
      return code === undefined ? [] : [explain(code, name, port, host)];
    }),
  );
  if (problems.flat().length > 0) throw new AppError("configuration", problems.flat().join("\n"));
}

function explain(code: string, name: string, port: number, host: string | undefined): string {
  const other = `choose another port: ${name}=${name === "ADDRESS" ? `:${port + 10}` : port + 10} npm start`;
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} (${name}) is in use by another program. Stop that one, or ${other}`;
    case "EACCES":
      return `Port ${port} (${name}) is reserved for root: ${other}`;
    case "EADDRNOTAVAIL":
      return `This machine has no address ${host} to listen on (${name}).`;
    default:
      return `Port ${port} (${name}) cannot be listened on: ${code}; ${other}`;
  }
}
