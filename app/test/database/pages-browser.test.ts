import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { openListener, type Listener } from "../../http/listener.ts";
import { createTestApi, type TestApi } from "../support/api.ts";
import { accessibilityFaults, findBrowser, startBrowser, watchPage } from "../support/browser.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

const program = findBrowser();
if (program === undefined) {
  process.stderr.write("skipped: the pages in a browser: there is no chromium on the PATH\n");
}

const trap = `"><img src="https://elsewhere.example/x.png" onerror="alert(1)"><script>alert(2)</script>`;

let database: TestDatabase;
let api: TestApi;
let listener: Listener;
let browser: Browser;

async function setUp(): Promise<void> {
  database = await createTestDatabase({ template: "migrated" });
  await importInto(database, [
    ...Array.from({ length: 65 }, (_, number) =>
      entryOf(`com.many/server-${number}`, "1.0.0", { description: `Number ${number}` }),
    ),
    entryOf("com.acme/weather", "1.0.0", { status: "deprecated", statusMessage: "Use 2.0.0." }),
    entryOf("com.acme/weather", "2.0.0", {
      day: 2,
      title: "Weather",
      description: "Rain and sunshine",
      websiteUrl: "https://weather.example/",
      packages: [
        {
          registryType: "npm",
          identifier: "@acme/weather",
          transport: { type: "stdio" },
          environmentVariables: [{ name: "WEATHER_KEY", isRequired: true, isSecret: true }],
        },
      ],
      remotes: [{ type: "sse", url: "https://weather.example/sse" }],
    }),
    entryOf("com.acme/gone", "1.0.0", { status: "deleted", statusMessage: "It leaked." }),
    entryOf("com.hostile/a", `1.0${trap}`, {
      title: trap,
      description: trap + "x".repeat(300),
      websiteUrl: "javascript:alert(3)",
      icons: [{ src: "https://elsewhere.example/icon.png" }],
      packages: [{ registryType: trap, identifier: "y".repeat(300), runtimeHint: trap }],
      remotes: [{ type: trap, url: trap }],
    }),
  ]);
  api = createTestApi(database);
  listener = await openListener(api.app, { address: { host: "127.0.0.1", port: 0 }, setting: "PORT" });
  browser = await startBrowser(program!);
}

(program === undefined ? describe.skip : describe)("the pages in a browser", () => {
  beforeAll(setUp);
  afterAll(async () => {
    await browser.close();
    await listener.close(0);
    await api.close();
    await database.drop();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  /** A new visitor on a page, and what the browser has to say about it. */
  async function visit(
    path: string,
    options: BrowserContextOptions = {},
  ): Promise<{ page: Page; noted: string[] }> {
    const context = await browser.newContext({ baseURL: `http://127.0.0.1:${listener.port}`, ...options });
    const page = await context.newPage();
    const noted = watchPage(page);
    await page.goto(path);
    return { page, noted };
  }

  const heading = (page: Page): Promise<string> => page.getByRole("heading", { level: 1 }).innerText();

  it("lead through the whole catalogue", async () => {
    const { page, noted } = await visit("/");
    const names: string[] = [];
    for (;;) {
      names.push(...(await page.locator("main li h3").allInnerTexts()));
      const next = page.getByRole("link", { name: "Next page" });
      if ((await next.count()) === 0) break;
      await next.click();
    }
    expect([names.length, new Set(names).size]).toEqual([67, 67]);
    await page.getByRole("link", { name: "First page" }).click();
    expect(await page.locator("main li h3").first().innerText()).toBe("Weather");
    expect(noted).toEqual([]);
  });

  it.each([true, false])(
    "find a server and show its versions (JavaScript: %p)",
    async (javaScriptEnabled) => {
      const { page, noted } = await visit("/", { javaScriptEnabled });
      await page.getByLabel("Search name, title and description").fill("SUNSHINE");
      await page.getByRole("button", { name: "Search" }).click();
      expect(await page.locator("main li h3").allInnerTexts()).toEqual(["Weather"]);
      await page.getByRole("link", { name: "Weather" }).click();
      expect(await heading(page)).toBe("Weather");
      await page.getByRole("table").getByRole("link", { name: "1.0.0" }).click();
      expect(await heading(page)).toBe("com.acme/weather");
      expect(await page.locator(".notice").innerText()).toMatch(
        /^This version is deprecated since[^]*Use 2\.0\.0\.$/,
      );
      await page.goBack();
      expect(await heading(page)).toBe("Weather");
      await page.getByRole("link", { name: "Schema" }).click();
      expect(await page.locator(".notice").innerText()).toMatch(/^Ready:/);
      expect(noted).toEqual([]);
    },
  );

  it("show deleted servers when the box is ticked", async () => {
    const { page } = await visit("/?search=gone");
    expect(await page.locator("main li h3").count()).toBe(0);
    await page.getByLabel("Include deleted servers").check();
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("link", { name: "com.acme/gone" }).click();
    expect(await page.locator(".notice").innerText()).toContain("It leaked.");
  });

  it("can be used with the keyboard alone", async () => {
    const { page } = await visit("/");
    const focused = (): Promise<unknown> =>
      page.evaluate("(({ textContent, id }) => id || textContent.trim())(document.activeElement)");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Skip to content");
    const skip = await page.getByRole("link", { name: "Skip to content" }).boundingBox();
    expect(skip!.y).toBeGreaterThanOrEqual(0);
    await page.keyboard.press("Enter");
    expect(await focused()).toBe("content");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("search");
    const outline: unknown = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth");
    expect(outline).toBe("3px");
    await page.keyboard.type("weather");
    await page.keyboard.press("Enter");
    await page.waitForURL(/search=weather/);
    for (let pressed = 0; pressed < 20 && (await focused()) !== "Weather"; pressed++)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/servers\/com\.acme\/weather/);
    expect(await heading(page)).toBe("Weather");
  });

  it("run and load nothing that a document brings", async () => {
    const { page, noted } = await visit("/?search=hostile");
    await page.locator("main li h3 a").click();
    expect(await heading(page)).toBe(trap);
    expect(await page.locator("img, script, svg, iframe").count()).toBe(0);
    await page.getByRole("table").getByRole("link").first().click();
    expect(noted).toEqual([]);
  });

  it("would run nothing even if something got in", async () => {
    const { page, noted } = await visit("/");
    await page.evaluate(
      `document.body.insertAdjacentHTML("beforeend", '<img src="/pages.css" onerror="alert(1)"><p style="color: red">')`,
    );
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement("script"), { textContent: "alert(2)" }))`,
    );
    for (const kind of ["the image", "inline event handler", "inline style", "inline script"]) {
      await waitForCondition(`a complaint about ${kind}`, () =>
        noted.some(
          (line) => line.includes(kind) && line.includes("violates the following Content Security Policy"),
        ),
      );
    }
    expect(noted.join()).not.toContain("dialog");
  });

  const everyPage = [
    "/",
    "/?search=weather",
    "/?search=nothing-at-all",
    "/?search=gone&include_deleted=true",
    "/servers/com.acme/weather",
    "/servers/com.acme/weather?version=1.0.0",
    "/servers/com.acme/gone?include_deleted=true",
    "/servers/com.hostile/a",
    "/servers/com.acme/nothing",
    "/schema",
  ];
  it.each([
    ["dark", 1000],
    ["light", 320],
  ] as const)(
    "are accessible (%s, %i pixels wide) and never wider than the window",
    async (colorScheme, width) => {
      const { page } = await visit("/", { colorScheme, viewport: { width, height: 800 } });
      for (const path of everyPage) {
        await page.goto(path);
        expect([path, await accessibilityFaults(page)]).toEqual([path, []]);
        const needed: unknown = await page.evaluate("document.documentElement.scrollWidth");
        expect([path, needed]).toEqual([path, width]);
      }
    },
  );
});
