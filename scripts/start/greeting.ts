import type { SettingValues } from "../../app/config/settings.ts";

/** What a person reads when everything runs. */
export function greeting(settings: SettingValues, database: string): string {
  const api = `http://${hostOf(settings)}:${settings.port}`;
  return `
Headgate is ready.

  API         ${api}/v0.1/servers
  operations  http://localhost:${settings.operationsPort}/ready
  database    ${database}

Try in another terminal:

  curl '${api}/v0.1/servers?limit=2'
  npm run registry -- import FILE.jsonl
  npm run migrate -- status

Ctrl-C stops everything; the data stays.

`;
}

function hostOf({ address }: SettingValues): string {
  const host = address?.host;
  if (host === undefined || host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
