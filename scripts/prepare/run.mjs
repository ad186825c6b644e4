import { spawn } from "node:child_process";

/**
 * Runs Node with `args` and resolves with its exit code and what it wrote to stderr. All its output goes to our stderr:
 * stdout belongs to the program that runs after us.
 */
export function runNode(args, { cwd, adopt }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    adopt(child);
    let errors = "";
    child.stdout.on("data", (chunk) => process.stderr.write(chunk));
    child.stderr.on("data", (chunk) => {
      errors += chunk;
      process.stderr.write(chunk);
    });
    child.once("error", reject);
    child.once("close", (code, signal) =>
      resolve({ code: code ?? (signal === "SIGINT" ? 130 : 143), errors }),
    );
  });
}
