import parseVersion from "semver/functions/parse.js";
import { isServerName, isVersion } from "../server-name.ts";
import { officialSchema, publisherMeta } from "../server-record.ts";
import { semanticError, semanticWarning, type Issue } from "./issue.ts";
import type { ServerDocument } from "./server-document.ts";
import { isLocalHost, parseTemplate, templateNames } from "./web-address.ts";
import { isVersionRange } from "./version-range.ts";

/** In bytes of JSON. */
export const longestPublisherMeta = 4096;

/** What this registry asks of a server.json that keeps the official rules, before it is published. */
export function checkRegistryRules(document: ServerDocument): Issue[] {
  return [
    ...identityIssues(document),
    ...addressIssues(document),
    ...(document.remotes ?? []).flatMap(remoteIssues),
    ...(document.packages ?? []).flatMap(packageIssues),
    ...metaIssues(document),
  ];
}

function identityIssues({ name, version, $schema }: ServerDocument): Issue[] {
  const issues: Issue[] = [];
  if (!isServerName(name)) {
    issues.push(semanticError(["name"], "must begin and end alphanumeric, before the slash and after it"));
  }
  if (!isVersion(version)) {
    issues.push(semanticError(["version"], "must be 1 to 255 bytes long, and not `latest`"));
  } else if (isVersionRange(version)) {
    issues.push(semanticError(["version"], "must be one version, not a range"));
  } else if (parseVersion(version) === null) {
    issues.push(
      semanticWarning(["version"], "is no semantic version (1.2.3), so the latest one goes by date"),
    );
  }
  if ($schema !== officialSchema)
    issues.push(semanticWarning(["$schema"], `is not ${officialSchema}, whose rules are checked`));
  return issues;
}

/** Addresses that people and clients open. */
function addressIssues({ websiteUrl, repository, icons = [] }: ServerDocument): Issue[] {
  const addresses: [steps: PropertyKey[], url: string | undefined][] = [
    [["websiteUrl"], websiteUrl],
    [["repository", "url"], repository?.url],
    ...icons.map(({ src }, index): [PropertyKey[], string] => [["icons", index, "src"], src]),
  ];
  return addresses.flatMap(([steps, url]) => (url === undefined ? [] : httpsIssues(steps, url)));
}

function remoteIssues(
  { url, variables = {} }: NonNullable<ServerDocument["remotes"]>[0],
  index: number,
): Issue[] {
  const steps = ["remotes", index, "url"];
  const address = parseTemplate(url);
  return [
    ...httpsIssues(steps, url),
    ...(address !== undefined && isLocalHost(address)
      ? [semanticError(steps, "must not be an address of the local machine")]
      : []),
    ...undeclared(steps, url, new Set(Object.keys(variables)), "the remote's `variables`"),
  ];
}

function packageIssues(entry: NonNullable<ServerDocument["packages"]>[0], index: number): Issue[] {
  const { transport, version, registryType, fileSha256, registryBaseUrl } = entry;
  const steps = ["packages", index];
  const issues: Issue[] = [];
  if (version !== undefined && isVersionRange(version))
    issues.push(semanticError([...steps, "version"], "must be one version, not a range"));
  if (registryType === "mcpb" && fileSha256 === undefined)
    issues.push(semanticError([...steps, "fileSha256"], "is required for a package of the type mcpb"));
  if (registryBaseUrl !== undefined)
    issues.push(...httpsIssues([...steps, "registryBaseUrl"], registryBaseUrl));
  if (transport.type !== "stdio") {
    // A package runs at its user's: http and localhost are right there.
    const place = [...steps, "transport", "url"];
    if (parseTemplate(transport.url) === undefined) issues.push(semanticError(place, "must be a URL"));
    issues.push(
      ...undeclared(
        place,
        transport.url,
        declaredNames(entry),
        "a valueHint, an argument or an environment variable of the package",
      ),
    );
  }
  return issues;
}

/** What a package's URL may refer to; a flag also without its dashes. */
function declaredNames({
  runtimeArguments = [],
  packageArguments = [],
  environmentVariables = [],
}: NonNullable<ServerDocument["packages"]>[0]): Set<string> {
  const names = environmentVariables.map(({ name }) => name);
  for (const argument of [...runtimeArguments, ...packageArguments]) {
    if (argument.type === "named") names.push(argument.name, argument.name.replace(/^-+/, ""));
    else if (argument.valueHint !== undefined) names.push(argument.valueHint);
  }
  return new Set(names);
}

function undeclared(
  steps: PropertyKey[],
  url: string,
  declared: ReadonlySet<string>,
  where: string,
): Issue[] {
  return templateNames(url)
    .filter((name) => !declared.has(name))
    .map((name) => semanticError(steps, `uses {${name}}, which is not declared: it must be ${where}`));
}

function httpsIssues(steps: PropertyKey[], url: string): Issue[] {
  return parseTemplate(url)?.protocol === "https:" ? [] : [semanticError(steps, "must be an https URL")];
}

function metaIssues({ _meta = {} }: ServerDocument): Issue[] {
  const { [publisherMeta]: provided, ...others } = _meta;
  const issues = Object.keys(others).map((key) =>
    semanticWarning(["_meta", key], `is not kept: only ${publisherMeta} is`),
  );
  if (provided !== undefined && Buffer.byteLength(JSON.stringify(provided)) > longestPublisherMeta) {
    const message = `must be at most ${longestPublisherMeta} bytes of JSON`;
    issues.push(semanticError(["_meta", publisherMeta], message));
  }
  return issues;
}
