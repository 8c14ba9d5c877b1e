import { expect, it } from "vitest";
import fc from "fast-check";
import { bytesOfDataUrl, isDataUrl } from "./data-url.ts";

it("gives the bytes that Node has encoded", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      const url = `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
      expect(isDataUrl(url)).toBe(true);
      expect([...bytesOfDataUrl(url)]).toEqual([...bytes]);
    }),
  );
});

it.each([
  "data:image/png;base64,",
  "data:image/png,AAAA",
  "data:image/png;base64,AAA",
  "data:image/png;base64,AA-_",
  "data:image/png;base64,A===",
  "data:image/png;base64,AAAA\n",
  " data:image/png;base64,AAAA",
  "https://example.org/a.png",
  `data:${"a".repeat(1e6)}`,
])("takes no %.40s", (text) => {
  expect(isDataUrl(text)).toBe(false);
});

it.each(["data:;base64,AAAA", "DATA:image/svg+xml;charset=utf-8;base64,AA=="])("takes %s", (text) => {
  expect(isDataUrl(text)).toBe(true);
});
