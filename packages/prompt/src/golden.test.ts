import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { decodePrompt } from "./decode.ts";
import { encodePrompt } from "./encode.ts";
import { headPrompt, kvPrompt, softPrompt } from "./sample-prompts.ts";
import { roundToStorage } from "./storage.ts";

/** See goldens/make.ts: files of the first version, which users have. */
test.each([
  ["kv-cosine", kvPrompt(), "float16", "9d8eca66f8ca258d99bfed09324681f633926c98b0bf059a3a4b76acdadb50ad"],
  [
    "soft-linear",
    softPrompt({ head: "linear" }),
    "float32",
    "511d4aa98b1cb94dc5a55fc2206bbe1aeef600f9b6e3ba7aeda2c2049e7e5112",
  ],
  [
    "head-mlp",
    headPrompt({ head: "mlp" }),
    "float16",
    "db893645e93a897da644df92bcf7e3216e534c989f2b940082eb0b9d3423ef8e",
  ],
] as const)("%s is read as it was, and written to the same byte", async (name, prompt, storage, sha256) => {
  const bytes = await readFile(new URL(`goldens/${name}.safetensors`, import.meta.url));
  const stored = await decodePrompt(bytes);
  expect(stored.id).toBe(`sha256-${sha256}`);
  expect(stored.prompt).toEqual(roundToStorage(prompt, storage));
  expect(Buffer.from(encodePrompt(stored.prompt, { storage }))).toEqual(bytes);
});
