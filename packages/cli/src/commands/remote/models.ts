import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { KilotuneError } from "@kilotune/contract";
import type { Kilotune } from "@kilotune/sdk";
import { defineCommand } from "../../command.ts";
import { assertReadable } from "../../input-file.ts";
import { prepareOutput, writeWhole } from "../../output-file.ts";
import { countedFetch } from "../../remote/counted-fetch.ts";
import { openService } from "../../remote/open-service.ts";
import { sendingLine } from "../../remote/sending.ts";
import { take } from "../../remote/take.ts";
import { fields, moment, rowsOr } from "../../remote/words.ts";
import { printable } from "../../terminal/printable.ts";
import { bytes } from "../../terminal/units.ts";

const MODEL = { value: "MODEL", count: "one", about: "A model's name, ft:.." } as const;
const EXAMPLE = "ft:minilm-l6:abcdefghijklmnop:desk:qrstuvwx";

export const modelsList = defineCommand({
  summary: "The shared backbones and your tuned models",
  positionals: {},
  flags: {},
  examples: [{ line: "kilotune models list --json", purpose: "for a program" }],
  async run(_, terminal) {
    const models = await take((await openService(terminal)).models.list(), Number.POSITIVE_INFINITY);
    terminal.result({ models }, () =>
      rowsOr(
        "No models.",
        models.map(({ id, created, owned_by }) => [id, moment(created), owned_by]),
      ),
    );
    return 0;
  },
});

export const modelsGet = defineCommand({
  summary: "What is known of a model",
  positionals: { model: { ...MODEL, about: "A backbone or a tuned model" } },
  flags: {},
  examples: [{ line: "kilotune models get minilm-l6", purpose: "since when, whose" }],
  async run({ model }, terminal) {
    const found = await (await openService(terminal)).models.get(model);
    terminal.result(found, () => fields(found));
    return 0;
  },
});

export const modelsDownload = defineCommand({
  summary: "Write the prompt file of a tuned model, for classify and evaluate on this machine",
  positionals: { model: MODEL, out: { value: "OUT", count: "one", about: "Where to write it" } },
  flags: {},
  examples: [
    { line: `kilotune models download ${EXAMPLE} desk.safetensors`, purpose: "checked by its hash" },
  ],
  async run({ model, out }, terminal) {
    const service = await openService(terminal);
    await prepareOutput(out);
    const { id, content } = await promptOf(service, model);
    await writeWhole(out, content);
    const sizeBytes = content.length;
    terminal.result({ model, prompt: id, path: out, bytes: sizeBytes }, () => {
      return `${printable(out, 500)}: ${bytes(sizeBytes)}`;
    });
    return 0;
  },
});

export const modelsImport = defineCommand({
  summary: "Make a model of a prompt file that was tuned or downloaded elsewhere",
  details:
    "The server must serve the backbone that it was tuned on; the same file and suffix are the same model.",
  positionals: { file: { value: "FILE", count: "one", about: "As tune or models download wrote it" } },
  flags: { suffix: { kind: "text", value: "NAME", about: "A part of the model's name" } },
  examples: [
    { line: "kilotune models import out/prompt.safetensors --suffix desk", purpose: "tuned on this machine" },
  ],
  async run({ file, suffix }, terminal) {
    await assertReadable(file);
    const service = await openService(terminal, { fetch: countedFetch(sendingLine(file, terminal)) });
    const made = await service.prompts.import(
      { file: await openAsBlob(file), ...(suffix !== undefined && { suffix }) },
      { signal: terminal.io.takeInterrupt() },
    );
    terminal.result(made, () => fields(made));
    return 0;
  },
});

export const modelsDelete = defineCommand({
  summary: "Delete a tuned model from the server",
  details: "Refused while an alias points to it.",
  positionals: { model: MODEL },
  flags: {},
  examples: [{ line: `kilotune models delete ${EXAMPLE}`, purpose: "for good" }],
  async run({ model }, terminal) {
    const deleted = await (await openService(terminal)).models.delete(model);
    terminal.result(deleted, () => `Deleted ${printable(model, 200)}`);
    return 0;
  },
});

/** @throws KilotuneError `model_not_found`; `damaged_download` where the bytes aren't what their id says */
async function promptOf(service: Kilotune, model: string): Promise<{ id: string; content: Uint8Array }> {
  for await (const prompt of service.prompts.list()) {
    if (prompt.model !== model) continue;
    const content = new Uint8Array(await (await service.prompts.download(prompt.id)).arrayBuffer());
    const sha256 = createHash("sha256").update(content).digest("hex");
    if (sha256 === prompt.id) return { id: prompt.id, content };
    throw new KilotuneError(
      "damaged_download",
      `Expected bytes of SHA-256 ${printable(prompt.id, 64)}, saw ${sha256}.`,
      "Try again.",
      { kind: "machine", retryable: true },
    );
  }
  throw new KilotuneError(
    "model_not_found",
    `Expected a tuned model of yours, saw ${printable(model, 200)}.`,
    "kilotune models list shows them.",
  );
}
