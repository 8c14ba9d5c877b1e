import type { MethodName } from "@kilotune/contract";

/** What methods are called, wherever people read them. */
export const METHOD_TITLES: Readonly<Record<MethodName, string>> = {
  kv: "key/value prefixes",
  soft: "soft tokens",
  deep: "VPT-deep",
  lora: "LoRA",
  channels: "scale and shift of channels",
  border: "border of the image",
  head: "linear head",
};
