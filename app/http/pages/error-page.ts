import { STATUS_CODES } from "node:http";
import type { Problem } from "../problem.ts";
import { html } from "./html.ts";
import { renderPage } from "./layout.ts";

/** What a visitor reads in the place of a problem document. */
export function renderErrorPage({ status, detail }: Problem, requestId: string): string {
  const title = titles[status] ?? STATUS_CODES[status] ?? "Error";
  return renderPage({
    title,
    content: html`<h1>${title}</h1>
      <p>${detail}</p>
      <p><a href="/">All servers</a></p>
      <p class="meta">Status ${status}, request <code>${requestId}</code></p>`,
  });
}

const titles: Readonly<Record<number, string>> = {
  400: "This cannot be understood",
  404: "Not found",
  422: "This cannot be searched for",
  500: "Something went wrong",
  503: "Not available right now",
};
