import { describe, expect, it } from "@jest/globals";
import { outsideLink, serverPath } from "./links.ts";

describe("an address of a document", () => {
  it.each(["https://example.com/a?b=1&c", "http://example.com/"])("%s is a link", (address) => {
    const written = address.replaceAll("&", "&amp;");
    expect(outsideLink(address).text).toBe(`<a href="${written}" rel="noopener nofollow ugc">${written}</a>`);
  });

  it("that is not plain is shown as what the browser makes of it", () => {
    expect(outsideLink("https://exаmple.com/\u202egpj").text).toBe(
      '<a href="https://xn--exmple-4nf.com/%E2%80%AEgpj" rel="noopener nofollow ugc">https://xn--exmple-4nf.com/%E2%80%AEgpj</a>',
    );
  });

  it.each([
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\nscript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://example.com/1",
    "//example.com",
    "/relative",
    "example.com",
    "https://",
    "https://google.example@evil.example/",
    "",
  ])("%j is text", (address) => {
    expect(outsideLink(address).text).toMatch(/^<span class="text">[^<]*<\/span>$/);
  });
});

describe("the path of a server's page", () => {
  it("carries a version of any characters", () => {
    expect(serverPath("com.acme/weather", { version: '../"&1+x y', includeDeleted: true })).toBe(
      "/servers/com.acme/weather?version=..%2F%22%261%2Bx+y&include_deleted=true",
    );
  });
});
