import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encodePrompt } from "../encode.ts";
import { headPrompt, kvPrompt, softPrompt } from "../sample-prompts.ts";

/**
 * Files as they were written when texts were all that a prompt classified. They stand for those that users have, so they
 * aren't made again: later formats must read and write these very bytes. Run once, at the commit that added them.
 */
const GOLDENS = {
  "kv-cosine": encodePrompt(kvPrompt(), { storage: "float16" }),
  "soft-linear": encodePrompt(softPrompt({ head: "linear" }), { storage: "float32" }),
  "head-mlp": encodePrompt(headPrompt({ head: "mlp" }), { storage: "float16" }),
};

for (const [name, bytes] of Object.entries(GOLDENS))
  writeFileSync(fileURLToPath(new URL(`${name}.safetensors`, import.meta.url)), bytes);
