import { longestSearch } from "../../registry/list-filters.ts";
import type { ServerPage } from "../../registry/list-servers.ts";
import type { ServerRecord } from "../../registry/server-record.ts";
import { html, type Markup } from "./html.ts";
import { renderPage } from "./layout.ts";
import { serverPath, withQuery } from "./links.ts";
import { shortened, statusBadge, time } from "./parts.ts";
import { readServerDocument } from "./server-document.ts";

/** What the visitor asked for, as it stands in the address. */
export interface CatalogueRequest {
  readonly search: string | undefined;
  readonly includeDeleted: boolean;
  readonly limit: string | undefined;
  readonly isFirst: boolean;
}

/** The latest version of each server, a page at a time. */
export function renderCatalogue(request: CatalogueRequest, page: ServerPage): string {
  const { search, isFirst } = request;
  const title = search === undefined ? "Servers" : `Servers with “${search}”`;
  return renderPage({
    title: isFirst ? title : `${title}, further page`,
    current: "servers",
    content: html`<h1>MCP servers</h1>
      ${searchForm(request)}
      <section aria-labelledby="results">
        <h2 id="results">${heading(request, page.records.length)}</h2>
        ${page.records.length === 0 ? nothing(request) : list(request, page.records)}
      </section>
      ${pageLinks(request, page.nextCursor)}`,
  });
}

function searchForm({ search = "", includeDeleted }: CatalogueRequest): Markup {
  return html`<form role="search" action="/" method="get">
    <label for="search">Search name, title and description</label>
    <div class="field">
      <input id="search" name="search" type="search" value="${search}" maxlength="${longestSearch}" />
      <button type="submit">Search</button>
    </div>
    <label class="option">
      <input
        name="include_deleted"
        type="checkbox"
        value="true"
        ${includeDeleted ? html`checked` : undefined}
      />
      Include deleted servers
    </label>
  </form>`;
}

function heading({ search, isFirst }: CatalogueRequest, count: number): string {
  const what = search === undefined ? "All servers" : `Found for “${search}”`;
  const shown = count === 1 ? "1 on this page" : `${count} on this page`;
  return count === 0 && isFirst ? what : `${what}: ${shown}`;
}

function nothing({ search, isFirst }: CatalogueRequest): Markup {
  if (!isFirst) return html`<p>There are no more.</p>`;
  if (search !== undefined) {
    return html`<p>No name, title or description contains it. <a href="/">All servers</a></p>`;
  }
  return html`<p>There are no servers yet. <code>registry import</code> brings some in.</p>`;
}

function list({ includeDeleted }: CatalogueRequest, records: readonly ServerRecord[]): Markup {
  return html`<ul class="servers">
    ${records.map((record) => item(record, includeDeleted))}
  </ul>`;
}

const longestDescription = 300;

function item({ name, version, status, publishedAt, value }: ServerRecord, includeDeleted: boolean): Markup {
  const { title, description } = readServerDocument(value);
  return html`<li>
    <h3><a href="${serverPath(name, { includeDeleted })}" dir="auto">${shortened(title ?? name, 200)}</a></h3>
    <p class="meta">
      ${title === undefined ? undefined : html`<code>${name}</code>`}
      <span>version ${shortened(version, 60)}</span> ${statusBadge(status)}
      <span>published ${time(publishedAt)}</span>
    </p>
    ${
      description === undefined
        ? undefined
        : html`<p dir="auto">${shortened(description, longestDescription)}</p>`
    }
  </li>`;
}

/** Forward by a position, as the API does; back to the start. The browser knows the pages in between. */
function pageLinks(request: CatalogueRequest, nextCursor: string | undefined): Markup | undefined {
  const { search, includeDeleted, limit, isFirst } = request;
  if (isFirst && nextCursor === undefined) return undefined;
  const to = (cursor: string | undefined): string =>
    withQuery("/", { search, include_deleted: includeDeleted ? "true" : undefined, limit, cursor });
  return html`<nav class="pages" aria-label="Pages">
    ${isFirst ? undefined : html`<a href="${to(undefined)}">First page</a>`}
    ${nextCursor === undefined ? undefined : html`<a href="${to(nextCursor)}" rel="next">Next page</a>`}
  </nav>`;
}
