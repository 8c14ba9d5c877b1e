import { expect, test } from "vitest";
import { html } from "./escape.ts";

test("text is escaped, markup is kept, lists are joined, null is nothing", () => {
  const inner = html`<b>${"<&>\"'"}</b>`;
  expect(String(html`<p title="${'a"b'}">${[inner, null, 1.5, Number.NaN]}</p>`)).toMatchInlineSnapshot(
    `"<p title="a&quot;b"><b>&lt;&amp;&gt;&quot;&#39;</b>1.5–</p>"`,
  );
});

test("markup that was not made by the template is text", () => {
  const forged = { toString: () => "<script>" } as unknown as string;
  expect(() => String(html`${forged}`)).toThrow();
});
