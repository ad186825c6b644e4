/** HTML that may be sent as it is. Only `html` makes it, so whatever is in it has been escaped. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Markup };

/** What may stand in a template; undefined is nothing. */
export type Content = string | number | Markup | undefined | readonly Content[];

/**
 * A template of HTML: values are escaped, save for what another `html` has made. They may stand between tags and in
 * quoted attributes, and nowhere else: a template with a value in an attribute without quotes is refused.
 */
export function html(literals: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const parts = literals.map((literal, index) => {
    if (index === values.length) return literal;
    if (literal.endsWith("=")) throw new Error(`a value without quotes after ${literal.slice(-30)}`);
    return literal + render(values[index]);
  });
  return new Markup(parts.join(""));
}

function render(value: Content): string {
  if (value === undefined) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "string" || typeof value === "number") return escape(String(value));
  return value.map(render).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** What HTML cannot hold in any form becomes the sign for that. */
function escape(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => entities[character]!)
    .replaceAll(/(?![\t\n])[\p{Cc}\p{Cs}]/gu, "\u{FFFD}");
}
