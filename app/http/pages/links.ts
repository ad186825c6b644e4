import { html, type Markup } from "./html.ts";

/**
 * An address out of a server's document: a link where it leads to a web page, otherwise its text. Search engines and the
 * page behind it are told that we do not vouch for it.
 */
export function outsideLink(address: string): Markup {
  const target = webAddress(address);
  if (target === undefined) return html`<span class="text">${address}</span>`;
  // Letters that look like others, or turn the direction of reading, are shown as what they stand for.
  const label = /^[\x21-\x7e]*$/.test(address) ? address : target;
  return html`<a href="${target}" rel="noopener nofollow ugc">${label}</a>`;
}

/** Without a name and password in front of the host, which make a link look as if it led elsewhere. */
function webAddress(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, username, password, href } = new URL(address);
  const isWeb = protocol === "https:" || protocol === "http:";
  return isWeb && username === "" && password === "" ? href : undefined;
}

/** The path of a server's page. A name needs no escapes: it has letters, digits, dots, hyphens, `_` and one slash. */
export function serverPath(
  name: string,
  { version, includeDeleted = false }: { readonly version?: string; readonly includeDeleted?: boolean } = {},
): string {
  return withQuery(`/servers/${name}`, { version, include_deleted: includeDeleted ? "true" : undefined });
}

/** The path with those parameters that have a value. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value);
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}
