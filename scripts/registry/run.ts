import { messageOf, AppError } from "../../app/errors.ts";
import { reportError } from "../../app/exit-code.ts";
import { runExport } from "./export.ts";
import { runImport } from "./import.ts";
import { usage } from "./usage.ts";

/** What a command takes from the process it runs in. */
export interface Program {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Output;
  readonly stderr: Output;
}

export interface Output {
  write(text: string): unknown;
  /** A stream says when it can take more, and when nobody listens any more. */
  on?(event: "drain" | "error", listener: () => void): unknown;
  readonly isTTY?: boolean;
}

/** Runs one `registry` command and returns the exit code. */
export async function runRegistry(program: Program): Promise<number> {
  const { argv, stdout, stderr } = program;
  const [command, ...rest] = argv;
  const wantsHelp = command === "help" || argv.includes("--help") || argv.includes("-h");
  if (wantsHelp) {
    stdout.write(usage);
    return 0;
  }
  try {
    if (command === "import") return await runImport({ ...program, argv: rest });
    if (command === "export") return await runExport({ ...program, argv: rest });
    const what = command === undefined ? "No command." : `Unknown command ${JSON.stringify(command)}.`;
    throw new AppError(
      "usage",
      `${what} Try \`registry import FILE\`, \`registry export\`, or \`registry --help\`.`,
    );
  } catch (error) {
    if (error instanceof AppError && error.code !== "internal") stderr.write("registry: ");
    return reportError(withReason(error), stderr);
  }
}

/** A database's own words help the person at the keyboard, who is not the API's public. */
function withReason(error: unknown): unknown {
  if (!(error instanceof AppError) || error.cause === undefined) return error;
  const { code, message, cause, details } = error;
  const reason = messageOf(cause);
  return message.includes(reason) ? error : new AppError(code, `${message} (${reason})`, { cause, details });
}
