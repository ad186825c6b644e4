import type { ServerRecord } from "../../registry/server-record.ts";
import { html, type Markup } from "./html.ts";
import { renderPage } from "./layout.ts";
import { outsideLink, serverPath } from "./links.ts";
import { packageSection, remoteSection } from "./offers.ts";
import { facts, statusBadge, time } from "./parts.ts";
import { readServerDocument, type ServerDocument } from "./server-document.ts";

export interface ServerPageRequest {
  /** Every version, newest published first. */
  readonly versions: readonly ServerRecord[];
  /** The one of them that is shown. */
  readonly shown: ServerRecord;
  readonly includeDeleted: boolean;
}

/** One version of a server with everything that its document says, and a list of all versions. */
export function renderServerPage({ versions, shown, includeDeleted }: ServerPageRequest): string {
  const { name, version } = shown;
  const document = readServerDocument(shown.value);
  return renderPage({
    title: `${document.title ?? name} ${version}`,
    content: html`<h1 dir="auto">${document.title ?? name}</h1>
      <p class="meta">
        ${document.title === undefined ? undefined : html`<code>${name}</code>`}
        <span>version ${version}</span> ${statusBadge(shown.status)}
      </p>
      ${statusNotice(shown)}
      ${
        document.description === undefined
          ? undefined
          : html`<p class="description" dir="auto">${document.description}</p>`
      }
      ${aboutVersion(shown, document)} ${packageSection(document.packages)} ${remoteSection(document.remotes)}
      ${versionSection(versions, shown, includeDeleted)}`,
  });
}

function statusNotice({ status, statusMessage, statusChangedAt }: ServerRecord): Markup | undefined {
  if (status === "active") return undefined;
  return html`<div class="notice ${status}">
    <p>
      <strong>This version is ${status}</strong> since
      ${time(statusChangedAt)}${statusMessage === null ? "." : ":"}
    </p>
    ${statusMessage === null ? undefined : html`<p dir="auto">${statusMessage}</p>`}
  </div>`;
}

function aboutVersion(record: ServerRecord, { repository, websiteUrl, icons }: ServerDocument): Markup {
  const { name, version, publishedAt, updatedAt, isLatest, status } = record;
  const query = status === "deleted" ? "?include_deleted=true" : "";
  const address = `/v0.1/servers/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}${query}`;
  return facts([
    ["Website", websiteUrl && outsideLink(websiteUrl)],
    [
      "Repository",
      repository &&
        html`${outsideLink(repository.url)}${repository.subfolder && html`, folder <code>${repository.subfolder}</code>`}`,
    ],
    ["Icons", icons.length === 0 ? undefined : icons.map((icon) => html`${outsideLink(icon)} `)],
    ["Published", time(publishedAt)],
    ["Updated", time(updatedAt)],
    ["Latest", isLatest ? "yes" : html`no: <a href="${serverPath(name)}">see the latest</a>`],
    ["As JSON", html`<a href="${address}">what the API answers</a>`],
  ]);
}

function versionSection(
  versions: readonly ServerRecord[],
  shown: ServerRecord,
  includeDeleted: boolean,
): Markup {
  const { name } = shown;
  const row = (one: ServerRecord): Markup =>
    html`<tr>
      <th scope="row">
        <a
          href="${serverPath(name, { version: one.version, includeDeleted })}"
          ${one === shown ? html`aria-current="true"` : undefined}
          >${one.version}</a
        >
        ${one.isLatest ? html`<span class="badge">latest</span>` : undefined}
      </th>
      <td>
        ${one.status}
        ${one.statusMessage === null ? undefined : html`<span dir="auto">(${one.statusMessage})</span>`}
      </td>
      <td>${time(one.publishedAt)}</td>
      <td>${time(one.updatedAt)}</td>
    </tr>`;
  return html`<section>
    <h2 id="versions">Versions: ${versions.length}</h2>
    <div class="scroll" role="region" aria-labelledby="versions" tabindex="0">
      <table>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Status</th>
            <th scope="col">Published</th>
            <th scope="col">Updated</th>
          </tr>
        </thead>
        <tbody>
          ${versions.map(row)}
        </tbody>
      </table>
    </div>
    <p>
      ${
        includeDeleted
          ? html`<a href="${serverPath(name)}">Without deleted versions</a>`
          : html`<a href="${serverPath(name, { includeDeleted: true })}">With deleted versions</a>`
      }
    </p>
  </section>`;
}
