/** What a page shows of a server.json. Nothing in it is taken on trust: what has another form counts as absent. */
export interface ServerDocument {
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly websiteUrl: string | undefined;
  readonly repository: Repository | undefined;
  readonly packages: readonly Package[];
  readonly remotes: readonly Remote[];
  /** Addresses of pictures. */
  readonly icons: readonly string[];
}

export interface Repository {
  readonly url: string;
  readonly subfolder: string | undefined;
}

export interface Package {
  readonly registryType: string | undefined;
  readonly identifier: string | undefined;
  readonly version: string | undefined;
  readonly registryBaseUrl: string | undefined;
  readonly runtimeHint: string | undefined;
  readonly fileSha256: string | undefined;
  readonly transport: Remote;
  readonly runtimeArguments: readonly Input[];
  readonly packageArguments: readonly Input[];
  readonly environmentVariables: readonly Input[];
}

export interface Remote {
  readonly type: string | undefined;
  readonly url: string | undefined;
  readonly headers: readonly Input[];
}

/** A variable, a header or an argument that somebody has to give, or that is given. */
export interface Input {
  readonly name: string;
  readonly description: string | undefined;
  readonly value: string | undefined;
  readonly isRequired: boolean;
  readonly isSecret: boolean;
}

/** Reads JSON text that may hold anything. */
export function readServerDocument(json: string): ServerDocument {
  const document = objectOf(JSON.parse(json));
  const repository = objectOf(document["repository"]);
  const url = textOf(repository["url"]);
  return {
    title: textOf(document["title"]),
    description: textOf(document["description"]),
    websiteUrl: textOf(document["websiteUrl"]),
    repository: url === undefined ? undefined : { url, subfolder: textOf(repository["subfolder"]) },
    packages: objectsOf(document["packages"]).map(readPackage),
    remotes: objectsOf(document["remotes"]).map(readRemote),
    icons: objectsOf(document["icons"]).flatMap(({ src }) => textOf(src) ?? []),
  };
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Of longer lists the rest is left to the document itself. */
const most = 100;

function objectOf(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.slice(0, most).map(objectOf) : [];
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

function readPackage(value: JsonObject): Package {
  return {
    registryType: textOf(value["registryType"]),
    identifier: textOf(value["identifier"]),
    version: textOf(value["version"]),
    registryBaseUrl: textOf(value["registryBaseUrl"]),
    runtimeHint: textOf(value["runtimeHint"]),
    fileSha256: textOf(value["fileSha256"]),
    transport: readRemote(objectOf(value["transport"])),
    runtimeArguments: objectsOf(value["runtimeArguments"]).map(readInput),
    packageArguments: objectsOf(value["packageArguments"]).map(readInput),
    environmentVariables: objectsOf(value["environmentVariables"]).map(readInput),
  };
}

function readRemote(value: JsonObject): Remote {
  return {
    type: textOf(value["type"]),
    url: textOf(value["url"]),
    headers: objectsOf(value["headers"]).map(readInput),
  };
}

/** A positional argument has no name but a hint, or only its value. */
function readInput(value: JsonObject): Input {
  const given = textOf(value["value"]) ?? textOf(value["default"]);
  const name = textOf(value["name"]) ?? textOf(value["valueHint"]);
  return {
    name: name ?? given ?? "?",
    description: textOf(value["description"]),
    value: name === undefined ? undefined : given,
    isRequired: value["isRequired"] === true,
    isSecret: value["isSecret"] === true,
  };
}
