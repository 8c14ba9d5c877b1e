import { KilotuneError } from "@kilotune/contract";
import type { LoraFactors } from "@kilotune/prompt";
import type { PreparedAddition } from "./additions.ts";

const RANK_BUCKETS = [4, 8, 16, 32, 64] as const;

/**
 * LoRA's factors [its layers, 2, 2, its rank, H] in all L layers of the backbone and at the rank R of their bucket, zeros where
 * the prompt has nothing: [L, 2, 2, R, H].
 * @throws KilotuneError `prompt_too_long`
 */
export function spreadLora(
  { data, layers: own, rank, hidden }: LoraFactors,
  firstLayer: number,
  layers: number,
): PreparedAddition<"lora"> {
  const bucket = RANK_BUCKETS.find((most) => rank <= most);
  if (bucket === undefined)
    throw new KilotuneError(
      "prompt_too_long",
      `expected LoRA of a rank of at most ${RANK_BUCKETS.at(-1)}, saw ${rank}`,
      "Tune again with a lower rank; more than 16 seldom helps.",
    );
  const block = new Float32Array(layers * 4 * bucket * hidden);
  const size = rank * hidden;
  for (let part = 0; part < own * 4; part++)
    block.set(data.subarray(part * size, (part + 1) * size), (firstLayer * 4 + part) * bucket * hidden);
  return { kind: "lora", dims: [layers, 2, 2, bucket, hidden], block };
}
