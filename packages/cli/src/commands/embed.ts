import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";
import { defineCommand } from "../command.ts";
import { openInput } from "../input-file.ts";
import { assertFits, backboneFor, noteOtherPrecision, precisionOf } from "../prompt-backbone.ts";
import { oneLine } from "../terminal/printable.ts";
import { chunksOf, readTexts, rowsOfWords } from "../texts.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, precisionFlag } from "../with-backbone.ts";

export const embed = defineCommand({
  summary: "Give texts' vectors, by a prompt that was tuned for retrieval or by the plain backbone",
  details:
    "Texts come from the command line, from --file, or from stdin, as for classify. Vectors have length one.",
  positionals: { texts: { value: "TEXT", count: "any", about: "Texts" } },
  flags: {
    prompt: {
      kind: "text",
      value: "FILE",
      about: "One that was tuned for retrieval; the plain backbone else",
    },
    file: { kind: "text", value: "JSONL", about: 'Rows of {"text"}; "-" is stdin' },
    backbone: {
      kind: "text",
      value: "ID|FOLDER",
      about: "The one that the prompt was tuned on; the prompt's own else",
    },
    precision: { ...precisionFlag, about: "Of the backbone; the one that the prompt was measured in else" },
  },
  examples: [{ line: 'kilotune embed "where is my parcel" --json', purpose: "by the plain backbone" }],
  async run({ texts, prompt: path, file, backbone: asked, precision: wanted }, terminal) {
    if (texts.length > 0 && file !== undefined)
      throw usageError("embed", "both TEXT and --file are given", "Give one of them.");
    const stored = path === undefined ? undefined : await readPromptFile(path);
    const manifest = stored?.prompt.manifest;
    const precision = wanted ?? (manifest ? precisionOf(manifest) : "fp32");
    const name = manifest ? backboneFor(manifest, asked) : (asked ?? "minilm-l6");
    const backbone = await openBackbone(name, terminal, { precision });
    if (manifest !== undefined) {
      assertFits(manifest, backbone);
      noteOtherPrecision(path as string, manifest, precision, terminal);
    }
    const rows =
      texts.length > 0
        ? rowsOfWords(texts)
        : file !== undefined
          ? readTexts(await openInput(file, terminal), "jsonl", file)
          : readTexts(terminal.io.stdin, "auto", "stdin");
    const predictor = await createPredictor({ backbone, loadPrompt: async () => stored! });
    try {
      for await (const chunk of chunksOf(rows)) {
        const wordsOf = chunk.map(({ text }) => text);
        const vectors = await predictor.embed(wordsOf, path === undefined ? {} : { prompt: path });
        for (const [at, { vector, truncated }] of vectors.entries()) {
          const text = wordsOf[at] as string;
          terminal.result({ text, vector: Array.from(vector), truncated }, () => {
            const first = Array.from(vector.subarray(0, SHOWN), (number) => number.toFixed(4)).join(" ");
            return `${oneLine(text, 60)}\n  ${first} .. (${vector.length} numbers; --json gives all)`;
          });
        }
        await terminal.drained();
      }
    } finally {
      await predictor.close();
    }
    return 0;
  },
});

const SHOWN = 6;
