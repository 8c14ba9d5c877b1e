import { type Backbone, KNOWN_BACKBONES, pullBackbone } from "@kilotune/backbone";
import { type BaseModel, openBaseModel } from "@kilotune/prompt/exchange";
import type { Terminal } from "./terminal/terminal.ts";
import { openBackbone, pullSettings } from "./with-backbone.ts";

/** A known id or a folder -> the model that another system's prompt was tuned on: the checkpoint beneath our backbone. */
export async function openBase(name: string, terminal: Terminal): Promise<BaseModel> {
  const { manifest } = await openBackbone(name, terminal);
  const isKnown = KNOWN_BACKBONES.some(({ id }) => id === name);
  const folder = isKnown ? await pullBackbone(name, pullSettings(terminal)) : name;
  return openBaseModel(folder, aboutBase(manifest));
}

function aboutBase({ id, identity, licence, family, maxTokens, config }: Backbone["manifest"]) {
  const { layers, hiddenSize, heads, headDim, maxPositions, layerNormEpsilon } = config;
  const backbone = { id, ...identity, licence, layers, hiddenSize, heads, headDim };
  return { backbone, family, maxTokens, maxPositions, layerNormEpsilon };
}
