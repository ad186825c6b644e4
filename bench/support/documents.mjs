/**
 * A server.json like those of a public registry: its size, its shape and its share of texts beyond Latin-1 follow 1,930
 * real entries (median 557 bytes, mean 780, 90 of 100 below 1,359, the largest 15,482; 12 of 100 beyond Latin-1). The
 * same for the same numbers, always.
 */
export function serverDocument(name, index, version) {
  // Neighbours in a list differ: names are grouped by the last two digits of the index.
  const shape = (index + Math.floor(index / 100) * 39) % 100;
  const isPackage = shape < 75;
  const described = `${sentence(index)}${shape % 8 === 3 ? " — für alle, 誰でも" : ""}${index % 1000 === 777 ? " with needle777" : ""}`;
  return {
    $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    name,
    description: described,
    ...(shape % 7 === 0 ? {} : { repository: repository(index) }),
    version,
    ...(isPackage
      ? { packages: [ownPackage(index, version, variableCount(shape))] }
      : { remotes: [remote(index)] }),
  };
}

const words = "agent archive cloud data deploy file graph mail model note query search store task tool".split(
  " ",
);

function sentence(index) {
  const word = (step) => words[(index * 7 + step * 11) % words.length];
  return `Lets a ${word(0)} read, ${word(1)} and ${word(2)} what its ${word(3)} knows, number ${index}`;
}

function repository(index) {
  return { url: `https://github.com/example/${words[index % words.length]}-mcp-${index}`, source: "github" };
}

/** Few packages have many environment variables, and those make the large documents. */
function variableCount(shape) {
  if (shape === 74) return 64;
  if (shape >= 71) return 16;
  if (shape >= 63) return 6;
  if (shape >= 48) return 3;
  return shape >= 22 ? 1 : 0;
}

function ownPackage(index, version, variables) {
  return {
    registryType: index % 3 === 0 ? "oci" : "npm",
    identifier: index % 3 === 0 ? `docker.io/example/server-${index}:${version}` : `@example/server-${index}`,
    version,
    transport: { type: "stdio" },
    ...(variables === 0
      ? {}
      : { environmentVariables: Array.from({ length: variables }, (_, at) => variable(index, at)) }),
  };
}

function variable(index, at) {
  const word = words[(index + at) % words.length];
  return {
    description: `The ${word} that the server asks its questions of`,
    isRequired: at === 0,
    format: "string",
    isSecret: at % 2 === 0,
    name: `${word.toUpperCase()}_${at}_SETTING`,
  };
}

function remote(index) {
  return {
    type: "streamable-http",
    url: `https://mcp-${index}.${words[index % words.length]}.example.com/mcp`,
  };
}
