import { describePrompt, type PromptDescription } from "@kilotune/prompt";
import { readPromptFile } from "@kilotune/prompt/node";
import { defineCommand } from "../command.ts";
import { oneLine } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";
import { bytes, percent } from "../terminal/units.ts";

export const inspect = defineCommand({
  summary: "Show what a prompt file is: manifest, tensors, sizes, checks",
  positionals: { file: { value: "FILE", count: "one", about: "A prompt that `kilotune tune` wrote" } },
  flags: {},
  examples: [
    { line: "kilotune inspect out/prompt.safetensors", purpose: "for people" },
    { line: "kilotune inspect out/prompt.safetensors --json", purpose: "the whole manifest" },
  ],
  async run({ file }, terminal) {
    const description = describePrompt(await readPromptFile(file));
    terminal.result({ path: file, ...description }, () => inspectWords(file, description));
    return 0;
  },
});

function inspectWords(
  file: string,
  { id, sizeBytes, manifest, parameters, tensors, checks }: PromptDescription,
) {
  const { backbone, labels, metrics } = manifest;
  const facts: [string, string][] = [
    ["file", oneLine(file, 500)],
    ["id", id],
    ["size", `${bytes(sizeBytes)}, ${parameters} numbers in ${manifest.storage}`],
    ["method", methodWords(manifest)],
    ["labels", `${labels.length}: ${oneLine(labels.join(", "), 300)}`],
    ["backbone", `${oneLine(backbone.id, 100)} (${oneLine(backbone.licence, 60)})`],
    ["  weights", backbone.weightsSha256],
    ["  tokenizer", backbone.tokenizerSha256],
    ["  preprocessing", backbone.preprocessingSha256],
    ...provenance(manifest),
    ...Object.entries(metrics).map(([name, { rows, accuracy, macroF1 }]): [string, string] => [
      name === "test" ? "test" : "held out",
      `accuracy ${percent(accuracy)}, macro F1 ${percent(macroF1)} on ${rows} rows`,
    ]),
  ];
  const shapes = tensors.map(({ name, dims, sizeBytes: size, largestMagnitude }) => [
    `  ${name}`,
    `[${dims.join(", ")}]`,
    bytes(size),
    `largest ${largestMagnitude.toPrecision(3)}`,
  ]);
  return [
    ...table(facts),
    "tensors",
    ...table(shapes, ["left", "left", "right"]),
    "checks",
    ...checks.map((check) => `  ✓ ${oneLine(check, 300)}`),
  ].join("\n");
}

/** How it was tuned, or which file of another system it was read from. */
function provenance({ receipt, origin, reading }: PromptDescription["manifest"]): [string, string][] {
  const facts: [string, string][] = [];
  if (receipt !== undefined) {
    const { trainRows, epochs, seed, dataSha256 } = receipt;
    facts.push(["tuned on", `${trainRows} rows, ${epochs} epochs, seed ${seed}`], ["data", dataSha256]);
  }
  if (origin !== undefined) {
    const { format, version, kind, task, baseModel, sha256 } = origin;
    const words = [format, version, kind, task === undefined ? undefined : `task ${task}`];
    facts.push(["imported", oneLine(words.filter(Boolean).join(" "), 200)]);
    if (baseModel !== undefined) facts.push(["  tuned on", oneLine(baseModel, 200)]);
    facts.push(["  from", sha256]);
  }
  if (reading !== undefined)
    facts.push(["reads", `pooling ${reading.pooling}, text positions ${reading.textPositions}`]);
  return facts;
}

function methodWords(manifest: PromptDescription["manifest"]): string {
  if (manifest.method === "head") return `head only, ${manifest.head.kind}`;
  const { tokens } = manifest.sites;
  if (manifest.method === "soft") return `soft: ${tokens} tokens after the embeddings`;
  const { firstLayer, layers } = manifest.sites;
  return `kv: ${tokens} tokens in layers ${firstLayer} to ${firstLayer + layers - 1}`;
}
