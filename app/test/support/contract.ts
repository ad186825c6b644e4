import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/** One answer, as it went over the wire. */
export interface Exchange {
  readonly method: string;
  /** With or without a query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

type Node = Readonly<Record<string, unknown>>;

/** Whether answers are what an OpenAPI document says. */
export class Contract {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #document: Node;
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #routes: readonly { readonly pattern: RegExp; readonly template: string }[];

  constructor(document: Node) {
    // An address inside the document would be where its references start.
    const { $id: _, ...rest } = document;
    this.#document = rest;
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(rest, "contract");
    this.#routes = Object.keys(at(rest, ["paths"])).map((template) => ({
      template,
      pattern: patternOf(template),
    }));
  }

  /** Names of the operations, as `GET /v0.1/servers`. */
  operations(): string[] {
    return this.#routes.flatMap(({ template }) =>
      Object.keys(at(this.#document, ["paths", template]))
        .filter((key) => key !== "parameters")
        .map((method) => `${method.toUpperCase()} ${template}`),
    );
  }

  /** What the answer does not keep; undefined: the document says nothing about such an answer. */
  complaints({ method, path, status, headers, body }: Exchange): string[] | undefined {
    const plainPath = (path.split("?", 1)[0] ?? "").replace(/^\/(?:api\/)?v0(?:\.1)?(?=\/)/, "/v0.1");
    const template = this.#routes.find(({ pattern }) => pattern.test(plainPath))?.template;
    if (template === undefined) return undefined;
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    const operation = at(this.#document, ["paths", template])[verb];
    if (operation === undefined) return undefined;
    const responses = at(operation as Node, ["responses"]);
    const key = String(status) in responses ? String(status) : "default";
    if (!(key in responses)) return undefined;
    const pointer = this.#follow(["paths", template, verb, "responses", key]);
    const response = at(this.#document, pointer);
    const missing = Object.entries((response["headers"] ?? {}) as Node)
      .filter(
        ([name, header]) => this.#isRequired(header as Node) && headers[name.toLowerCase()] === undefined,
      )
      .map(([name]) => `no header ${name}`);
    return [...missing, ...(method === "HEAD" ? [] : this.#bodyComplaints(pointer, response, headers, body))];
  }

  #bodyComplaints(pointer: readonly string[], response: Node, headers: Node, body: string): string[] {
    const content = response["content"] as Node | undefined;
    if (content === undefined) return body === "" ? [] : ["a body where none is said"];
    const type = String(headers["content-type"]).split(";", 1)[0] ?? "";
    if (!(type in content)) return [`content type ${type}`];
    const value: unknown = type.endsWith("json") ? JSON.parse(body) : body;
    return this.#schemaComplaints([...pointer, "content", type, "schema"], value);
  }

  /** What a value does not keep of the schema at a place of the document. */
  #schemaComplaints(pointer: readonly string[], value: unknown): string[] {
    const reference = `contract#/${pointer.map(escapePointer).join("/")}`;
    let validator = this.#validators.get(reference);
    if (validator === undefined) {
      validator = this.#ajv.compile({ $ref: reference });
      this.#validators.set(reference, validator);
    }
    if (validator(value)) return [];
    return (validator.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }

  /**
   * What a body does not keep of the schema for such an answer, whatever its content type; undefined: there is none.
   */
  schemaComplaints(method: string, template: string, status: number, body: unknown): string[] | undefined {
    const pointer = this.#follow(["paths", template, method.toLowerCase(), "responses", String(status)]);
    const response = at(this.#document, pointer);
    if (response["content"] === undefined) return undefined;
    return this.#schemaComplaints([...pointer, "content", "application/json", "schema"], body);
  }

  #isRequired(header: Node): boolean {
    const reference = header["$ref"];
    const node = typeof reference === "string" ? at(this.#document, pointerOf(reference)) : header;
    return node["required"] === true;
  }

  #follow(pointer: readonly string[]): readonly string[] {
    const reference = at(this.#document, pointer)["$ref"];
    return typeof reference === "string" ? pointerOf(reference) : pointer;
  }
}

/** The object at a place of the document; an empty one where there is none. */
function at(document: Node, pointer: readonly string[]): Node {
  let node: Node = document;
  for (const key of pointer) node = (node[key] ?? {}) as Node;
  return node;
}

function pointerOf(reference: string): string[] {
  return reference
    .replace(/^#\//, "")
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function escapePointer(key: string): string {
  return encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));
}

/** The slash of a name may be there, escaped or not. */
function patternOf(template: string): RegExp {
  const parts = template.split(/\{(\w+)\}/).map((part, index) => {
    if (index % 2 === 0) return part.replaceAll(/[.]/g, "\\.");
    return part === "serverName" ? "(?:[^/]+/[^/]+|[^/]*%2[fF][^/]*)" : "[^/]+";
  });
  return new RegExp(`^${parts.join("")}$`);
}
