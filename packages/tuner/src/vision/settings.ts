import type { ImageFeature } from "@kilotune/backbone";
import type { LoopSettings } from "../settings.ts";

/** Every knob of a run on images. `chooseVisionSettings` fills them from the data. */
export interface VisionSettings extends LoopSettings {
  readonly method: VisionMethod;
  /** Of the prompt; of `lora` its rank, of `border` its width in pixels. */
  readonly tokens: number;
  /** First layer with a prompt, of `channels` the first stage; always 0 for soft and border. */
  readonly firstLayer: number;
  /** What of an image the head reads. */
  readonly feature: ImageFeature;
  /** Logits are cosines divided by this. */
  readonly temperature: number;
  /** Changed copies beside each image; 0 learns from the images as they are. */
  readonly copies: number;
  /** For people: what the run goes on from, where not from a random start, such as "prompt and head". */
  readonly init?: string;
}

/** soft: VPT-shallow. deep: VPT-deep, published as the prefix that it is. channels: of convolutional graphs. border: along an image's edges. head: no prompt. */
export type VisionMethod = "kv" | "soft" | "deep" | "lora" | "channels" | "border" | "head";
