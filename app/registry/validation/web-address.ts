const uriCharacters = /^[a-z][a-z0-9+.-]*:(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[0-9a-f]{2})*$/i;

/** Whether `text` is an absolute URI (RFC 3986) that can be read as one. */
export function isUri(text: string): boolean {
  return uriCharacters.test(text) && URL.canParse(text);
}

/** The names in `{braces}` of a URL template, each once. */
export function templateNames(template: string): string[] {
  return [...new Set([...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name))];
}

/** The address in a URL template, with something in the place of its variables; undefined when it is none. */
export function parseTemplate(template: string): URL | undefined {
  // A digit reads well in a host, a port and a path.
  const filled = template.replaceAll(/\{[^{}]*\}/g, "1");
  return URL.canParse(filled) ? new URL(filled) : undefined;
}

/** Whether the host is the machine that asks, whatever way that is written. */
export function isLocalHost({ hostname }: URL): boolean {
  // The parser has already turned 127.1, 0x7f000001 and 2130706433 into 127.0.0.1, and written capitals small.
  const host = hostname.replace(/\.$/, "");
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    /^(?:127|0)\.\d+\.\d+\.\d+$/.test(host) ||
    ["[::1]", "[::]"].includes(host) ||
    /^\[::ffff:(?:7f[0-9a-f]{2}|0):/.test(host)
  );
}
