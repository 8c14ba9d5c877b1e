import path from "node:path";
import {
  isVisionCheckpoint,
  loadFrozenGraph,
  loadVisionBackbone,
  type VisionLoadOptions,
} from "@kilotune/backbone";
import { defineCommand } from "../command.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/printable.ts";
import { bytes } from "../terminal/units.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, precisionFlag, pullSettings } from "../with-backbone.ts";

export const backboneBuild = defineCommand({
  summary: "Check and prepare a checkpoint of your own, so that the first job needn't",
  details:
    "A folder as Hugging Face lays it out: a BERT, RoBERTa, XLM-RoBERTa, DistilBERT, MPNet or ModernBERT of texts (config.json, model.safetensors, tokenizer.json), or a ViT, MAE, CLIP or DINOv2 of images. Or an .onnx file of a vision model: its blocks are recognised where it is a transformer; else, as with a detector of the YOLO family, it stays as it is.",
  positionals: {
    folder: { value: "PLACE", count: "one", about: "The checkpoint's folder, or an .onnx file" },
  },
  flags: {
    size: {
      kind: "integer",
      value: "PIXELS",
      min: 1,
      max: 4096,
      about:
        "Images' side, of a vision model: another than a checkpoint's own, or of an .onnx file that leaves it open",
    },
    precision: { ...precisionFlag, about: `Of a model of texts; ${precisionFlag.about}` },
  },
  examples: [
    {
      line: "kilotune backbone build ./my-backbone",
      purpose: "then: kilotune tune .. --backbone ./my-backbone",
    },
    {
      line: "kilotune backbone build yolo26n.onnx",
      purpose: "your own export; its weights stay under their licence",
    },
  ],
  async run({ folder, size, precision }, terminal) {
    // Absolute, so that a folder without "./" in front isn't taken for a known name.
    const place = path.resolve(folder);
    if (await isVisionCheckpoint(place)) {
      if (precision === "int8")
        throw usageError("backbone build", "--precision int8 is of models of texts", "Leave it out.");
      return buildVision(place, size, terminal);
    }
    const { manifest } = await openBackbone(place, terminal, precision === undefined ? {} : { precision });
    const { id, family, licence, maxTokens, weightsBytes, identity, config } = manifest;
    const { layers, hiddenSize, heads } = config;
    terminal.result(
      {
        id,
        family,
        licence,
        layers,
        hiddenSize,
        heads,
        maxTokens,
        precision: manifest.precision,
        weightsBytes,
        ...identity,
      },
      () =>
        `${id}: ${family}, ${layers} layers of ${hiddenSize}, reads ${maxTokens} tokens, ${bytes(weightsBytes)} of weights; ready`,
    );
    return 0;
  },
});

async function buildVision(place: string, size: number | undefined, terminal: Terminal): Promise<0> {
  let looked = "";
  const settings: VisionLoadOptions = {
    ...pullSettings(terminal),
    ...(size === undefined ? {} : { imageSize: [size, size] }),
    onBuild: () => terminal.progress("Building the backbone's graphs"),
    onGraph: (why) => {
      looked = why;
    },
  };
  const found = await loadVisionBackbone(place, settings);
  if (found.manifest.family === "graph") return buildFrozen(place, settings, looked, terminal);
  terminal.endProgress();
  const { id, family, licence, config, weightsBytes, identity } = found.manifest;
  const { layers, hiddenSize, heads, height, width } = config;
  terminal.result(
    { id, family, licence, layers, hiddenSize, heads, height, width, weightsBytes, ...identity },
    () =>
      `${id}: ${family}, ${layers} layers of ${hiddenSize}, reads images of ${width} x ${height}, ${bytes(weightsBytes)} of weights; ready`,
  );
  return 0;
}

/** `looked`: why it isn't taken for a transformer, which its owner may want to know. */
async function buildFrozen(
  place: string,
  settings: VisionLoadOptions,
  looked: string,
  terminal: Terminal,
): Promise<0> {
  const { manifest } = await loadFrozenGraph(place, settings);
  terminal.endProgress();
  const { id, family, licence, stages, outputs, leftOut, preprocessing, weightsBytes, identity, exporter } =
    manifest;
  const { width, height } = preprocessing;
  const names = stages.map(({ name, channels }) => `${name} (${channels} channels)`).join(", ");
  const prompts = ["a border of the image", ...(stages.length > 0 ? [`channels of ${names}`] : [])];
  terminal.result(
    { id, family, licence, stages, outputs, leftOut, width, height, weightsBytes, looked, ...identity },
    () =>
      [
        ...(looked === "" ? [] : [looked]),
        ...(exporter?.classes
          ? [
              `Trained for ${exporter.classes.length} classes of its own, which stay as they are: heads here learn yours.`,
            ]
          : []),
        ...(licence === "unknown"
          ? []
          : [
              `Its licence, by the file: ${oneLine(licence, 200)}. Mind it before you serve what you tune on it.`,
            ]),
        `${id}: kept as it is, reads images of ${width} x ${height}, ${bytes(weightsBytes)} of weights; ready`,
        `Prompts: ${prompts.join("; ")}. tune --backbone ${oneLine(place, 200)} learns one and a head.`,
        ...(leftOut.length > 0 ? [`Left out, with all behind it: ${leftOut.join(", ")}.`] : []),
      ].join("\n"),
  );
  return 0;
}
