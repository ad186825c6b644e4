import { describe, expect, it } from "@jest/globals";
import { html } from "./html.ts";

describe("html", () => {
  it("escapes what comes from outside, between tags and in attributes", () => {
    const hostile = `"><script>alert('&')</script>`;
    expect(html`<p title="${hostile}">${hostile}</p>`.text).toBe(
      '<p title="&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;">&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</p>',
    );
  });

  it("leaves what it made itself as it is, also in lists", () => {
    const items = ["a", "<b>"].map((item) => html`<i>${item}</i>`);
    expect(html`<b>${items}</b>`.text).toBe("<b><i>a</i><i>&lt;b&gt;</i></b>");
  });

  it("takes no object for its own markup", () => {
    const forged = JSON.parse('{"text":"<script>"}') as string;
    expect(() => html`${forged}`).toThrow("value.map is not a function");
  });

  it("writes numbers, and nothing for undefined", () => {
    expect(html`${0}${undefined}${[]}`.text).toBe("0");
  });

  it("puts a sign in the place of what HTML cannot hold", () => {
    expect(html`${"a\0b\u001b[31m\ud800\n\tc\r"}`.text).toBe("a\ufffdb\ufffd[31m\ufffd\n\tc\ufffd");
  });

  it("refuses a value in an attribute without quotes", () => {
    // prettier-ignore
    expect(() => html`<a href=${"x onclick=y"}>`).toThrow("a value without quotes after <a href=");
  });
});
