import type { IncomingMessage } from "node:http";
import { AppError } from "../errors.ts";

/** In bytes: the largest server.json that is taken. */
export const longestBody = 256 * 1024;

/**
 * The text of a JSON body, as it was sent.
 *
 * @throws AppError `unsupported-media-type`, `too-large`, or `invalid-request` when it is not UTF-8
 */
export async function readJsonText(request: IncomingMessage): Promise<string> {
  checkType(request);
  const bytes = await readBytes(request);
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new AppError("invalid-request", "The body is not valid UTF-8.", { cause: error });
  }
}

// Drops a byte order mark.
const decoder = new TextDecoder("utf-8", { fatal: true });

const json = /^application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

function checkType({ headers }: IncomingMessage): void {
  const type = headers["content-type"];
  if (type === undefined || !json.test(type)) {
    throw new AppError("unsupported-media-type", "The body must be application/json, in UTF-8.");
  }
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    throw new AppError("unsupported-media-type", "The body must not be compressed.");
  }
}

/** What is too much is still taken from the wire, and dropped, so that the client gets to read the answer. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = Number(request.headers["content-length"] ?? 0) > longestBody ? Infinity : 0;
    const refuse = (): void =>
      reject(new AppError("too-large", `The body is larger than ${longestBody / 1024} KB.`));
    if (size > longestBody) refuse();
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= longestBody) chunks.push(chunk);
      else {
        chunks.length = 0;
        refuse();
      }
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("error", (error) =>
      reject(new AppError("invalid-request", "The connection ended before the body did.", { cause: error })),
    );
  });
}
