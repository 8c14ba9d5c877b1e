import type { StoredPrompt } from "@kilotune/prompt";
import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";
import { defineCommand } from "../command.ts";
import { openInput } from "../input-file.ts";
import { answerTexts } from "../answer-texts.ts";
import { estimateWords, predictionWords, spanWords } from "../prediction-words.ts";
import { assertFits, backboneFor, noteOtherPrecision, precisionOf } from "../prompt-backbone.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { chunksOf, promptOf, readTexts, rowsOfWords, type TextRow } from "../texts.ts";
import { classifyImages } from "./classify-images.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, precisionFlag } from "../with-backbone.ts";

export const classify = defineCommand({
  summary: "Answer texts with tuned prompts, one line a text",
  details:
    "Texts come from the command line, from --file, or from stdin: JSONL if it begins with {, else one text a line.\n" +
    "Any number of prompts share one backbone and one batch; a row's answer never depends on its neighbours.\n" +
    "A prompt for tagging answers spans: their places count UTF-16 units of the text as it was given.",
  positionals: {
    texts: {
      value: "TEXT",
      count: "any",
      about:
        "Texts to answer, two by two for a prompt of pairs; image files where the prompt is one of images",
    },
  },
  flags: {
    prompt: {
      kind: "texts",
      value: "FILE",
      required: true,
      about: "A prompt; with several, each row names its own",
    },
    file: { kind: "text", value: "JSONL", about: 'Rows of {"text", "text_pair"?, "prompt"?}; "-" is stdin' },
    backbone: {
      kind: "text",
      value: "ID|FOLDER",
      about: "The one that the prompts were tuned on; the prompt's own else",
    },
    precision: {
      ...precisionFlag,
      about: "Of the backbone; the one that the first prompt was measured in else",
    },
    "top-k": {
      kind: "integer",
      value: "N",
      min: 1,
      max: 10_000,
      about: "Scores of the likeliest N labels; all else",
    },
    logits: { kind: "switch", about: "Add the raw numbers, in the order of the prompt's labels" },
    alone: { kind: "switch", about: "Each row in a pass of its own: slower, and bit-equal" },
  },
  examples: [
    { line: 'kilotune classify --prompt out/prompt.safetensors "where is my parcel"', purpose: "one text" },
    {
      line: "kilotune classify --prompt out/prompt.safetensors --file examples/support-desk/test.jsonl --json",
      purpose: "a file",
    },
    {
      line: "kilotune classify --prompt a.safetensors --prompt b.safetensors --file mixed.jsonl --json",
      purpose: "two tenants in one batch",
    },
  ],
  async run({ texts, prompt: files, file, backbone: asked, precision: wanted, ...how }, terminal) {
    const { topK, logits, alone } = how;
    refuseMixedSources(texts, file, files);
    if (await isOfImages(files[0])) {
      refuseTextFlags(file, alone);
      await classifyImages({ images: texts, prompt: files, backbone: asked }, { topK, logits }, terminal);
      return 0;
    }
    const prompts = new Map<string, StoredPrompt>();
    for (const path of files) prompts.set(path, await readPromptFile(path));
    const [first] = prompts.values();
    const rows = await openRows(texts, file, terminal, readsPairs(first!));
    const precision = wanted ?? precisionOf(first!.prompt.manifest);
    const backbone = await openBackbone(backboneFor(first!.prompt.manifest, asked), terminal, { precision });
    for (const [path, { prompt }] of prompts) {
      assertFits(prompt.manifest, backbone);
      noteOtherPrecision(path, prompt.manifest, precision, terminal);
    }

    const predictor = await createPredictor({ backbone, loadPrompt: async (path) => prompts.get(path)! });
    try {
      const options = { logits, alone, ...(topK === undefined ? {} : { topK }) };
      for await (const chunk of chunksOf(rows)) {
        const requests = chunk.map((row) => {
          const prompt = promptOf(row, files);
          // Other keys of a row don't matter, and to a prompt of single texts this is one of them.
          const isPair = row.textPair !== undefined && readsPairs(prompts.get(prompt)!);
          return { text: row.text, ...(isPair && { textPair: row.textPair }), prompt };
        });
        const answers = await answerTexts(predictor, prompts, requests, options);
        for (const [at, { kind, answer }] of answers.entries()) {
          const { text, textPair, prompt } = requests[at]!;
          const asked = { text, ...(textPair !== undefined && { text_pair: textPair }) };
          const shown = textPair === undefined ? text : `${text} | ${textPair}`;
          if (kind === "number") {
            const { value, truncated } = answer;
            terminal.result({ ...asked, value, truncated, prompt }, () =>
              estimateWords(shown, answer, terminal),
            );
            continue;
          }
          if (kind === "spans") {
            const spans = answer.spans.map((span) => ({ ...span, text: text.slice(span.start, span.end) }));
            const { truncated } = answer;
            terminal.result({ ...asked, spans, truncated, prompt }, () =>
              spanWords(shown, { spans, truncated }, terminal),
            );
            continue;
          }
          const { label, score, labels, outOfScope, truncated } = answer;
          const scores = new Map(answer.scores.map((each) => [each.label, each.score]));
          const more = {
            ...(labels && { labels: labels.map((each) => each.label) }),
            ...(outOfScope === undefined ? {} : { out_of_scope: outOfScope }),
            ...(answer.logits === undefined ? {} : { logits: answer.logits }),
          };
          terminal.result({ ...asked, label, score, scores, ...more, truncated, prompt }, () =>
            predictionWords(shown, answer, terminal),
          );
        }
        await terminal.drained();
      }
    } finally {
      await predictor.close();
    }
    return 0;
  },
});

function readsPairs({ prompt: { manifest } }: StoredPrompt): boolean {
  return "input" in manifest && manifest.input === "text_pair";
}

async function isOfImages(file: string | undefined): Promise<boolean> {
  const { manifest } = (await readPromptFile(file ?? "")).prompt;
  return "input" in manifest && manifest.input === "image";
}

function refuseTextFlags(file: string | undefined, alone: boolean): void {
  const flag = file !== undefined ? "--file" : alone ? "--alone" : undefined;
  if (flag !== undefined)
    throw usageError("classify", `${flag} is of texts, and the prompt is one of images`, "Give IMAGE files.");
}

async function openRows(
  texts: readonly string[],
  file: string | undefined,
  terminal: Terminal,
  pairs: boolean,
): Promise<AsyncIterable<TextRow>> {
  if (texts.length > 0) return rowsOfWords(texts, pairs);
  if (file !== undefined) return readTexts(await openInput(file, terminal), "jsonl", file);
  if (terminal.io.stdin.isTTY)
    throw usageError("classify", "expected texts", "Give TEXT, --file JSONL, or a pipe on stdin.");
  return readTexts(terminal.io.stdin, "auto", "stdin");
}

function refuseMixedSources(texts: readonly string[], file: string | undefined, prompts: readonly string[]) {
  if (texts.length > 0 && file !== undefined)
    throw usageError("classify", "both TEXT and --file are given", "Give one of them.");
  if (texts.length > 0 && prompts.length > 1)
    throw usageError(
      "classify",
      "several --prompt, and a TEXT can't name its own",
      'Put the texts into --file as {"text": "..", "prompt": "FILE"}.',
    );
}
