import { float32, type Tensor } from "@kilotune/engine";
import type { LoraFactors } from "../prompt.ts";

/**
 * Low-rank factors as PEFT's LoRA: the config's own fields, and A and B of each module by name. The scale is within B, so alpha
 * is the rank.
 *
 * L layers, R rank, H hidden size.
 */
export function loraAdapter(
  { data, layers: L, rank: R, hidden: H }: LoraFactors,
  firstLayer: number,
  all: number,
) {
  const tensors = new Map<string, Tensor>();
  for (let layer = 0; layer < L; layer++)
    for (const [part, name] of ["query", "value"].entries()) {
      const start = (layer * 2 + part) * 2 * R * H;
      const module = `base_model.model.bert.encoder.layer.${firstLayer + layer}.attention.self.${name}`;
      const turned = data.subarray(start + R * H, start + 2 * R * H);
      const B = Float32Array.from({ length: H * R }, (_, at) => turned[(at % R) * H + Math.floor(at / R)]!);
      tensors.set(`${module}.lora_A.weight`, float32(data.slice(start, start + R * H), [R, H]));
      tensors.set(`${module}.lora_B.weight`, float32(B, [H, R]));
    }
  const own = {
    r: R,
    lora_alpha: R,
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    target_modules: ["query", "value"],
    layers_to_transform: L === all ? null : Array.from({ length: L }, (_, at) => firstLayer + at),
    use_rslora: false,
    use_dora: false,
  };
  return { kind: "LORA", tensors, own };
}
