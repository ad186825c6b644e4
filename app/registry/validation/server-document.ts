import * as z from "zod";
import { publisherMeta } from "../server-record.ts";
import { isUri } from "./web-address.ts";

/**
 * The official rules of server.json, as of 2025-12-11, and nothing more: members that it does not name are free.
 * What this registry asks for beyond them is in registry-rules.ts.
 */

/** A text of that many characters (code points, as JSON Schema counts). */
const text = (least: number, most: number): z.ZodString =>
  z.string().regex(new RegExp(`^.{${least},${most}}$`, "su"), `must be ${least} to ${most} characters long`);
const uri = z.string().refine(isUri, "must be a URI with a scheme, for example https://example.com/");

const inputMembers = {
  description: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  format: z.enum(["string", "number", "boolean", "filepath"]).optional(),
  value: z.string().optional(),
  default: z.string().optional(),
  placeholder: z.string().optional(),
  choices: z.array(z.string()).optional(),
};
const variables = z.record(z.string(), z.looseObject(inputMembers)).optional();
const variableInput = { ...inputMembers, variables };
const namedInput = z.looseObject({ ...variableInput, name: z.string() });

const argument = z.discriminatedUnion("type", [
  z
    .looseObject({
      ...variableInput,
      type: z.literal("positional"),
      valueHint: z.string().optional(),
      isRepeated: z.boolean().optional(),
    })
    .refine(
      ({ valueHint, value }) => valueHint !== undefined || value !== undefined,
      "must have a value or a valueHint",
    ),
  z.looseObject({
    ...variableInput,
    type: z.literal("named"),
    name: z.string(),
    isRepeated: z.boolean().optional(),
  }),
]);

const webTransport = {
  url: z.string().regex(/^https?:\/\/\S+$/, "must be an http or https URL without white space"),
  headers: z.array(namedInput).optional(),
};
const packageTransport = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("stdio") }),
  z.looseObject({ type: z.literal("streamable-http"), ...webTransport }),
  z.looseObject({ type: z.literal("sse"), ...webTransport }),
]);
const remote = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("streamable-http"), ...webTransport, variables }),
  z.looseObject({ type: z.literal("sse"), ...webTransport, variables }),
]);

const serverPackage = z.looseObject({
  registryType: z.string(),
  registryBaseUrl: uri.optional(),
  identifier: z.string(),
  version: z
    .string()
    .min(1, "must not be empty")
    .refine((version) => version !== "latest", "must be one version, not `latest`")
    .optional(),
  fileSha256: z
    .string()
    .regex(/^[a-f0-9]{64}$/, "must be a SHA-256 digest: 64 of 0-9 and a-f")
    .optional(),
  runtimeHint: z.string().optional(),
  transport: packageTransport,
  runtimeArguments: z.array(argument).optional(),
  packageArguments: z.array(argument).optional(),
  environmentVariables: z.array(namedInput).optional(),
});

const icon = z.looseObject({
  src: uri.regex(/^.{0,255}$/su, "must be at most 255 characters long"),
  mimeType: z.enum(["image/png", "image/jpeg", "image/jpg", "image/svg+xml", "image/webp"]).optional(),
  sizes: z.array(z.string().regex(/^(?:\d+x\d+|any)$/, "must be like 48x48, or `any`")).optional(),
  theme: z.enum(["light", "dark"]).optional(),
});

const repository = z.looseObject({
  url: uri,
  source: z.string(),
  id: z.string().optional(),
  subfolder: z.string().optional(),
});

/** The type and the check of a server.json. */
export const serverDocument = z.looseObject({
  $schema: uri.optional(),
  name: text(3, 200).regex(
    /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/,
    "must have the form namespace/name, of letters, digits, dots, hyphens, and underscores after the slash",
  ),
  description: text(1, 100),
  title: text(1, 100).optional(),
  version: text(0, 255),
  websiteUrl: uri.optional(),
  repository: repository.optional(),
  icons: z.array(icon).optional(),
  packages: z.array(serverPackage).optional(),
  remotes: z.array(remote).optional(),
  _meta: z.looseObject({ [publisherMeta]: z.looseObject({}).optional() }).optional(),
});

/** A server.json that keeps the official rules. */
export type ServerDocument = z.infer<typeof serverDocument>;
