import { KNOWN_BACKBONES, pullBackbone } from "@kilotune/backbone";
import { type BaseModel, openBaseModel } from "@kilotune/prompt/exchange";
import type { Terminal } from "./terminal/terminal.ts";
import { openBackbone, pullSettings } from "./with-backbone.ts";

/** A known id or a folder -> the model that another system's prompt was tuned on: the checkpoint beneath our backbone. */
export async function openBase(name: string, terminal: Terminal): Promise<BaseModel> {
  const { manifest } = await openBackbone(name, terminal);
  const isKnown = KNOWN_BACKBONES.some(({ id }) => id === name);
  const folder = isKnown ? await pullBackbone(name, pullSettings(terminal)) : name;
  return openBaseModel(folder, manifest);
}
