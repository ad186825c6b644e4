import { accessSync, constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** The path of a Chromium on this machine; undefined: there is none. */
export function findBrowser(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Starts it without a window, with a new profile, and without asking anybody but us for anything. */
export function startBrowser(executablePath: string): Promise<Browser> {
  const quiet = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  // root has no sandbox to give; what is opened is our own.
  return chromium.launch({ executablePath, headless: true, args: ["--no-sandbox", ...quiet] });
}

/** Whatever the page complains about, loads beside itself and its stylesheet, or opens, from now on. */
export function watchPage(page: Page): string[] {
  const noted: string[] = [];
  // Chromium reports what a Content-Security-Policy keeps out there, too.
  page.on("console", (message) => noted.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => noted.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    noted.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const isOurs = request.url().startsWith("http://127.0.0.1:");
    const isUsual = ["document", "stylesheet"].includes(request.resourceType());
    if (!isOurs || !isUsual) noted.push(`${request.resourceType()}: ${request.url()}`);
  });
  return noted;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What stands in the way of people with a disability, as far as a program can see it. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // By the debugger, which asks no Content-Security-Policy.
  await page.evaluate(`${axe}; 0`);
  const violations: unknown = await page.evaluate(
    "axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html}`))",
  );
  return violations as string[];
}
