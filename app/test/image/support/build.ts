import { runLabel } from "./run.ts";
import { runCommand, type CommandEnd } from "./run-command.ts";

export interface BuildOptions {
  /** The build context, a folder. */
  readonly context: string;
  readonly file?: string;
  /** The image's name; without it the result is only cached. */
  readonly tag?: string;
  readonly args?: Readonly<Record<string, string>>;
  /** More words of `docker build`. */
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** `docker build` with BuildKit, whatever its exit code; `output` says of each step whether it ran. */
export function buildImage(build: BuildOptions): Promise<CommandEnd> {
  const nodeImage = process.env["NODE_IMAGE"];
  const args = { ...(nodeImage === undefined ? {} : { NODE_IMAGE: nodeImage }), ...build.args };
  return runCommand(
    "docker",
    [
      ...["build", "--progress=plain", "--file", build.file ?? "Dockerfile.prod"],
      // By this an image is found and removed at the end that has lost its name to a later build.
      ...["--label", runLabel()],
      ...(build.tag === undefined ? [] : ["--tag", build.tag]),
      ...Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
      ...(build.options ?? []),
      ".",
    ],
    { cwd: build.context, env: { DOCKER_BUILDKIT: "1", ...build.env } },
  );
}

/** The steps that ran (not from the cache) in the output of `buildImage`, for example `[build 4/13] RUN npm ci …`. */
export function stepsThatRan(output: string): string[] {
  const steps = new Map<string, string>();
  const cached = new Set<string>();
  for (const line of output.split("\n")) {
    const [, number, rest] = /^(#\d+) (.*)$/.exec(line) ?? [];
    if (number === undefined || rest === undefined) continue;
    if (rest === "CACHED") cached.add(number);
    else if (/^\[\S+ +\d+\/\d+\]/.test(rest)) steps.set(number, rest);
  }
  return [...steps].filter(([number]) => !cached.has(number)).map(([, step]) => step);
}
