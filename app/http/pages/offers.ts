import { html, type Content, type Markup } from "./html.ts";
import { outsideLink } from "./links.ts";
import { facts } from "./parts.ts";
import type { Input, Package, Remote } from "./server-document.ts";

/** The ways to run a server oneself. */
export function packageSection(packages: readonly Package[]): Markup | undefined {
  if (packages.length === 0) return undefined;
  return html`<section aria-labelledby="packages">
    <h2 id="packages">Packages</h2>
    ${packages.map(packageCard)}
  </section>`;
}

/** The places where it runs already. */
export function remoteSection(remotes: readonly Remote[]): Markup | undefined {
  if (remotes.length === 0) return undefined;
  return html`<section aria-labelledby="remotes">
    <h2 id="remotes">Remotes</h2>
    ${remotes.map(
      ({ type, url, headers }) =>
        html`<article class="card">
          <h3>${type ?? "remote"}</h3>
          ${facts([
            ["Address", code(url)],
            ["Headers", inputs(headers)],
          ])}
        </article>`,
    )}
  </section>`;
}

function packageCard(one: Package): Markup {
  const { identifier = "(without a name)", transport } = one;
  const isDownload = /^https?:/i.test(identifier);
  return html`<article class="card">
    <h3>${one.registryType ?? "package"}: ${isDownload ? outsideLink(identifier) : code(identifier)}</h3>
    ${facts([
      ["Version", one.version],
      ["From", one.registryBaseUrl && outsideLink(one.registryBaseUrl)],
      ["SHA-256", code(one.fileSha256)],
      ["Run with", code(one.runtimeHint)],
      ["Transport", transport.type && html`${transport.type} ${code(transport.url)}`],
      ["Headers", inputs(transport.headers)],
      ["Arguments of the runtime", inputs(one.runtimeArguments)],
      ["Arguments", inputs(one.packageArguments)],
      ["Environment", inputs(one.environmentVariables)],
    ])}
  </article>`;
}

function code(text: string | undefined): Markup | undefined {
  return text === undefined ? undefined : html`<code>${text}</code>`;
}

function inputs(all: readonly Input[]): Content {
  if (all.length === 0) return undefined;
  return html`<ul class="inputs">
    ${all.map(
      ({ name, value, description, isRequired, isSecret }) =>
        html`<li>
          <code>${name}</code>
          ${value === undefined ? undefined : html` = <code>${value}</code>`}
          ${isRequired ? html`<span class="badge">required</span>` : undefined}
          ${isSecret ? html`<span class="badge">secret</span>` : undefined}
          ${description === undefined ? undefined : html`<span dir="auto">${description}</span>`}
        </li>`,
    )}
  </ul>`;
}
