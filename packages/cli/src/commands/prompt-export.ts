import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { exportPeft } from "@kilotune/prompt/exchange";
import { readPromptFile } from "@kilotune/prompt/node";
import { openBase } from "../base-model.ts";
import { defineCommand } from "../command.ts";
import { backboneFor } from "../prompt-backbone.ts";
import { printable } from "../terminal/printable.ts";

export const promptExport = defineCommand({
  summary: "Make another system's files of a prompt that came from such a system",
  details:
    "PEFT reads text, prompt and head in its own way. A prompt that was tuned here is read otherwise and is refused:\n" +
    "its numbers would load in PEFT and answer wrongly.",
  positionals: { file: { value: "FILE", count: "one", about: "A prompt" } },
  flags: {
    format: { kind: "choice", of: ["peft"], about: "The other system", default: "peft" },
    out: { kind: "text", value: "FOLDER", about: "A folder to make", default: "./adapter" },
    backbone: {
      kind: "text",
      value: "ID|FOLDER",
      about: "The one that the prompt was tuned on; the prompt's own else",
    },
  },
  examples: [
    {
      line: "kilotune prompt export prompt.safetensors --format peft --out adapter",
      purpose: "then: PeftModel.from_pretrained(base, 'adapter')",
    },
  ],
  async run({ file, out, backbone: asked }, terminal) {
    const { prompt } = await readPromptFile(file);
    await using base = await openBase(backboneFor(prompt.manifest, asked), terminal);
    const files = await exportPeft(prompt, base);
    await writeFolder(out, files);
    terminal.result({ path: out, files: [...files.keys()] }, () => `${out}: ${[...files.keys()].join(", ")}`);
    return 0;
  },
});

/** Whole or not at all, and never over something: under another name, then renamed. */
async function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
  const temporary = `${path.resolve(folder)}.${randomUUID()}.tmp`;
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of files) await writeFile(path.join(temporary, name), content);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOTDIR") throw error;
    throw new KilotuneError(
      "not_empty",
      `${printable(folder, 500)}: expected a folder to make, but saw one with files in it, or a file.`,
      "Give another name: nothing is written over.",
      { cause: error },
    );
  }
}
