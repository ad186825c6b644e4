import { version } from "../../version.ts";
import { html, type Markup } from "./html.ts";
import { stylesheetPath } from "./stylesheet.ts";

export interface Page {
  readonly title: string;
  /** Which link of the navigation leads here. */
  readonly current?: "servers" | "schema";
  readonly content: Markup;
}

/** A whole page as text: what every page has around its content. */
export function renderPage({ title, current, content }: Page): string {
  const link = (name: Page["current"], path: string, label: string): Markup =>
    name === current
      ? html`<li><a href="${path}" aria-current="page">${label}</a></li>`
      : html`<li><a href="${path}">${label}</a></li>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title} · MCP registry</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="stylesheet" href="${stylesheetPath}" />
      </head>
      <body>
        <a class="skip" href="#content">Skip to content</a>
        <header>
          <p class="brand">MCP registry</p>
          <nav aria-label="Main">
            <ul>
              ${link("servers", "/", "Servers")} ${link("schema", "/schema", "Schema")}
              <li><a href="/openapi.yaml">API</a></li>
            </ul>
          </nav>
        </header>
        <main id="content" tabindex="-1">${content}</main>
        <footer><p>Headgate ${version}</p></footer>
      </body>
    </html> `.text;
}
