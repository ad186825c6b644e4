import type { ServerStatus } from "../../registry/server-status.ts";
import { html, type Content, type Markup } from "./html.ts";

/** A moment in UTC, to the minute; the attribute has all of it. */
export function time(moment: string): Markup {
  return html`<time datetime="${moment}"
    ><span>${moment.slice(0, 10)}</span> <span>${moment.slice(11, 16)} UTC</span></time
  >`;
}

/** Nothing for what is usual. */
export function statusBadge(status: ServerStatus): Markup | undefined {
  return status === "active" ? undefined : html`<span class="badge ${status}">${status}</span>`;
}

/** Terms and what is said about them; those of which nothing is said are left out. */
export function facts(rows: readonly (readonly [term: string, value: Content])[]): Markup {
  const known = rows.filter(([, value]) => value !== undefined);
  return html`<dl>
    ${known.map(
      ([term, value]) =>
        html`<div>
          <dt>${term}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** The text, or its first `length` characters (code points) and a sign that there is more. */
export function shortened(text: string, length: number): string {
  const start = new RegExp(`^.{${length}}(?=.)`, "su").exec(text)?.[0];
  return start === undefined ? text : `${start}…`;
}
