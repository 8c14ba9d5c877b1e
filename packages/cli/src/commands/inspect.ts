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
  const { labels } = manifest;
  const facts: Fact[] = [
    ["file", oneLine(file, 500)],
    ["id", id],
    ["size", `${bytes(sizeBytes)}, ${parameters} numbers in ${manifest.storage}`],
    ["task", taskWords(manifest)],
    ["method", methodWords(manifest)],
    ["head", headWords(manifest)],
    ["labels", labels.length === 0 ? "none" : `${labels.length}: ${oneLine(labels.join(", "), 300)}`],
    ...backboneFacts(manifest),
    ...provenance(manifest),
    ...Object.entries(manifest.metrics).map(
      ([name, score]): Fact => [name === "test" ? "test" : "held out", scoreWords(score)],
    ),
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

type Fact = [title: string, words: string];
type Manifest = PromptDescription["manifest"];

function taskWords(manifest: Manifest): string {
  const input = "input" in manifest && manifest.input === "image" ? "images" : "texts";
  const pairs = "input" in manifest && manifest.input === "text_pair" ? "pairs of " : "";
  return `${manifest.task.replace("_", "-")} of ${pairs}${input}`;
}

function methodWords(manifest: Manifest): string {
  if (manifest.method === "head") return "head only";
  if (manifest.method === "soft") {
    const where = "image" in manifest.backbone ? "beside the patches" : "after the embeddings";
    return `soft: ${manifest.sites.tokens} tokens ${where}`;
  }
  if (manifest.method === "channels")
    return `channels: a scale and a shift of ${manifest.sites.channels} channels`;
  if (manifest.method === "border") return `border: ${manifest.sites.width} pixels wide, added to the image`;
  const { firstLayer, layers } = manifest.sites;
  const where = `in layers ${firstLayer} to ${firstLayer + layers - 1}`;
  if (manifest.method === "lora") return `lora: rank ${manifest.sites.rank} on queries and values ${where}`;
  if (manifest.method === "bias") return `bias: added to biases ${where}, and behind the last norm`;
  const learnt = manifest.receipt?.settings.method === "deep" ? ", learnt as deep tokens" : "";
  return `kv: ${manifest.sites.tokens} tokens ${where}${learnt}`;
}

/** The head, and what its numbers become an answer by. */
function headWords({ head, ...manifest }: Manifest): string {
  switch (manifest.task) {
    case "classification": {
      const { outOfScope } = manifest.calibration;
      return outOfScope === undefined
        ? head.kind
        : `${head.kind}; out of scope below the ${outOfScope.score} ${outOfScope.threshold.toPrecision(3)}`;
    }
    case "multi_label":
      return `${head.kind}; a label from its own probability on`;
    case "regression":
      return `${head.kind}; ${manifest.calibration.mean.toPrecision(4)} + ${manifest.calibration.scale.toPrecision(4)} x the logit`;
    case "detection":
      return `${head.kind}; boxes from the score ${manifest.calibration.threshold} on`;
    default:
      return head.kind;
  }
}

function backboneFacts({ backbone, precision }: Manifest): Fact[] {
  const name = `${oneLine(backbone.id, 100)} (${oneLine(backbone.licence, 60)})`;
  return [
    ["backbone", precision === undefined ? name : `${name}, measured in ${precision}`],
    ["  weights", backbone.weightsSha256],
    "tokenizerSha256" in backbone
      ? ["  tokenizer", backbone.tokenizerSha256]
      : [
          "  images",
          `${backbone.image.width} x ${backbone.image.height} pixels, patches of ${backbone.patchSize}`,
        ],
    ["  preprocessing", backbone.preprocessingSha256],
  ];
}

/** How it was tuned, or which file of another system it was read from. */
function provenance(manifest: Manifest): Fact[] {
  const { receipt, origin } = manifest;
  const facts: Fact[] = [];
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
  if ("reading" in manifest && manifest.reading !== undefined) {
    const { pooling, textPositions } = manifest.reading;
    facts.push(["reads", `pooling ${pooling}, text positions ${textPositions}`]);
  }
  return facts;
}

function scoreWords(score: NonNullable<Manifest["metrics"]["test"]>): string {
  if ("accuracy" in score)
    return `accuracy ${percent(score.accuracy)}, macro F1 ${percent(score.macroF1)} on ${score.rows} rows`;
  const { main, figures, rows } = score;
  const others = Object.keys(figures).filter((name) => name !== main);
  const words = [main, ...others].map((name) => `${name} ${figures[name]!.toPrecision(4)}`);
  return oneLine(`${words.join(", ")} on ${rows} rows`, 300);
}
