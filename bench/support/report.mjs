/** A Markdown table. Numbers are shown as they are given. */
export function table(heads, rows) {
  return [
    `| ${heads.join(" | ")} |`,
    `| ${heads.map(() => "---").join(" | ")} |`,
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  ];
}

export function ms(value) {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

export function times(value) {
  return value.toFixed(2);
}

/** A measurement that has found what must not be; its message says all there is to say. */
export class Verdict extends Error {}
