import { open, rename, rm } from "node:fs/promises";
import { loadConfig } from "../../app/config/load.ts";
import { AppError, messageOf } from "../../app/errors.ts";
import { exportServers } from "../../app/registry/export-servers.ts";
import { readArguments } from "./arguments.ts";
import { withConnection } from "./connection.ts";
import { createProgress, formatCount } from "./progress.ts";
import type { Output, Program } from "./run.ts";

/** `registry export`; returns the exit code. */
export async function runExport(program: Program): Promise<number> {
  const { positionals, values, flags } = readArguments(program.argv, { output: { type: "string" } });
  if (positionals.length > 0)
    throw new AppError("usage", "`registry export` takes no word; use --output FILE.");
  const file =
    typeof values["output"] === "string" && values["output"] !== "-" ? values["output"] : undefined;
  const config = loadConfig({ flags: { ...flags }, env: program.env });
  const progress = createProgress(program.stderr, { activity: "exporting" });
  const started = performance.now();
  let count = 0;
  const target = file === undefined ? standardOutput(program.stdout) : await newFile(file);
  try {
    await withConnection(config, "registry export", async (database) => {
      for await (const page of exportServers(database)) {
        await target.write(page.text);
        progress.update((count += page.count));
      }
    });
    await target.finish();
  } finally {
    progress.end();
    await target.close();
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  program.stderr.write(`${file ?? "standard output"}: ${formatCount(count)} entries in ${seconds} s\n`);
  return 0;
}

interface Target {
  write(text: string): Promise<void>;
  /** Everything is written. */
  finish(): Promise<void>;
  /** Whatever happened; without `finish` nothing is left. */
  close(): Promise<void>;
}

/** A file that appears when it is whole: what a killed export leaves is not taken for a backup. */
async function newFile(file: string): Promise<Target> {
  const draft = `${file}.${process.pid}.part`;
  const fail = (error: unknown): never => {
    throw new AppError("usage", `Cannot write ${file}: ${messageOf(error)}.`, { cause: error });
  };
  const handle = await open(draft, "wx").catch(fail);
  let isFinished = false;
  return {
    write: (text) => handle.writeFile(text).catch(fail),
    async finish() {
      await handle.sync().catch(fail);
      await rename(draft, file).catch(fail);
      isFinished = true;
    },
    async close() {
      await handle.close();
      if (!isFinished) await rm(draft, { force: true });
    },
  };
}

/** A reader that is slower than the database is waited for; one that goes away ends the export. */
function standardOutput(output: Output): Target {
  let isGone = false;
  let wake = (): void => undefined;
  output.on?.("drain", () => wake());
  output.on?.("error", () => {
    isGone = true;
    wake();
  });
  return {
    async write(text) {
      const isFree = output.write(text);
      if (isFree === false && output.on !== undefined && !isGone)
        await new Promise<void>((resolve) => (wake = resolve));
      if (isGone) throw new AppError("usage", "The reader of the output went away before it had everything.");
    },
    finish: async () => undefined,
    close: async () => undefined,
  };
}
