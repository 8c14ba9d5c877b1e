import { bytesOfDataUrl, isDataUrl } from "@kilotune/contract";
import { expect, it } from "vitest";
import { dataUrlOf } from "./data-url.ts";

it("holds a Blob's bytes, however many, and its type where that is one", async () => {
  const bytes = Uint8Array.from({ length: 100_003 }, (_, at) => (at * 7919) & 255);
  const url = await dataUrlOf(new Blob([bytes], { type: "image/png" }));
  expect(url.slice(0, 22)).toBe("data:image/png;base64,");
  expect(isDataUrl(url)).toBe(true);
  expect(Buffer.from(bytesOfDataUrl(url)).equals(Buffer.from(bytes))).toBe(true);
  for (const type of ["", "image/png; charset=x", "no type"])
    expect(isDataUrl(await dataUrlOf(new Blob(["a"], { type })))).toBe(true);
});
