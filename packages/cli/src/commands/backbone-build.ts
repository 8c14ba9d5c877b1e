import path from "node:path";
import { defineCommand } from "../command.ts";
import { bytes } from "../terminal/units.ts";
import { openBackbone } from "../with-backbone.ts";

export const backboneBuild = defineCommand({
  summary: "Check and prepare a checkpoint folder of your own, so that the first job needn't",
  details:
    "Any BERT-shaped checkpoint: config.json, model.safetensors, tokenizer.json as Hugging Face lays them out.",
  positionals: { folder: { value: "FOLDER", count: "one", about: "The checkpoint's folder" } },
  flags: {},
  examples: [
    {
      line: "kilotune backbone build ./my-backbone",
      purpose: "then: kilotune tune .. --backbone ./my-backbone",
    },
  ],
  async run({ folder }, terminal) {
    // Absolute, so that a folder without "./" in front isn't taken for a known name.
    const { manifest } = await openBackbone(path.resolve(folder), terminal);
    const { id, family, licence, maxTokens, weightsBytes, identity, config } = manifest;
    const { layers, hiddenSize, heads } = config;
    terminal.result(
      { id, family, licence, layers, hiddenSize, heads, maxTokens, weightsBytes, ...identity },
      () =>
        `${id}: ${family}, ${layers} layers of ${hiddenSize}, reads ${maxTokens} tokens, ${bytes(weightsBytes)} of weights; ready`,
    );
    return 0;
  },
});
