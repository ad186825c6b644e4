import type { MigrationOverview, SchemaOverview } from "../../migrate/schema-overview.ts";
import { html, type Content, type Markup } from "./html.ts";
import { renderPage } from "./layout.ts";
import { facts, time } from "./parts.ts";

/** Where the database's schema stands, and how it came there. */
export function renderSchemaPage(schema: SchemaOverview): string {
  const { ready, reason, applied, expected, last, deferred, newest, count } = schema;
  return renderPage({
    title: "Schema",
    current: "schema",
    content: html`<h1>Schema of the database</h1>
      ${
        ready
          ? html`<p class="notice active"><strong>Ready:</strong> the schema is what this release needs.</p>`
          : html`<p class="notice deprecated"><strong>Not ready:</strong> ${reason}</p>`
      }
      ${facts([
        ["Applied up to", code(applied) ?? "nothing yet"],
        ["This release needs", code(expected) ?? "nothing"],
        ["Last migration", last && html`${code(last.name)} ${when(last)}`],
        ["It took", last && duration(last)],
        [
          "Deferred, still to come",
          deferred.length === 0 ? "none" : deferred.map((name) => html`${code(name)} `),
        ],
      ])}
      ${newest.length === 0 ? undefined : history(newest, count)}`,
  });
}

function history(newest: readonly MigrationOverview[], count: number): Markup {
  const heading =
    newest.length === count ? `Applied: ${count}` : `Applied: ${count}, the newest ${newest.length}`;
  return html`<section>
    <h2 id="history">${heading}</h2>
    <div class="scroll" role="region" aria-labelledby="history" tabindex="0">
      <table>
        <thead>
          <tr>
            <th scope="col">Migration</th>
            <th scope="col">Applied</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          ${newest.map(
            (one) =>
              html`<tr>
                <th scope="row">${code(one.name)}</th>
                <td>${when(one)}</td>
                <td class="number">${duration(one)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function code(name: string | undefined): Markup | undefined {
  return name === undefined ? undefined : html`<code>${name}</code>`;
}

function when({ appliedAt }: MigrationOverview): Content {
  return appliedAt === undefined ? "not recorded" : time(appliedAt);
}

function duration({ seconds }: MigrationOverview): string {
  if (seconds === undefined) return "not recorded";
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}
