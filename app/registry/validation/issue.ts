/** One thing to say about a server.json. */
export interface Issue {
  /** `json`: the text itself; `schema`: the official rules of server.json; `semantic`: what this registry asks for beyond them. */
  readonly type: "json" | "schema" | "semantic";
  /** Where in the document: `packages[0].transport.url`; empty for the whole. */
  readonly path: string;
  readonly message: string;
  /** Only an error keeps a document from being published. */
  readonly severity: "error" | "warning";
}

/** The steps to a value as one reads them: `packages[0].transport.url`, `_meta["com.example/x"]`. */
export function pathText(steps: readonly PropertyKey[]): string {
  const text = steps.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return /^[A-Za-z_$][\w$]*$/.test(String(step)) ? `.${String(step)}` : `[${JSON.stringify(String(step))}]`;
  });
  return text.join("").replace(/^\./, "");
}

export function semanticError(steps: readonly PropertyKey[], message: string): Issue {
  return { type: "semantic", path: pathText(steps), message, severity: "error" };
}

export function semanticWarning(steps: readonly PropertyKey[], message: string): Issue {
  return { type: "semantic", path: pathText(steps), message, severity: "warning" };
}
