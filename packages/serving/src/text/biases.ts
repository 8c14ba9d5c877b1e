import { type BackboneManifest, biasNumbers } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import type { BiasDifferences } from "@kilotune/prompt";
import type { PreparedAddition } from "../additions.ts";

/**
 * Biases' differences from `firstLayer` on, in all layers of the backbone: zeros below.
 * @throws KilotuneError `backbone_mismatch` where its wide products are of another width
 */
export function spreadBiases(
  { data, width, hidden }: BiasDifferences,
  firstLayer: number,
  config: BackboneManifest["config"],
): PreparedAddition<"biases"> {
  const numbers = biasNumbers(config, 0);
  if (data.length !== biasNumbers(config, firstLayer))
    throw new KilotuneError(
      "backbone_mismatch",
      `expected biases of a wide product of ${(numbers - hidden) / config.layers - 3 * hidden} outputs, but saw ${width}`,
      "The manifest contradicts the backbone whose hashes it gives: tune again.",
    );
  const block = new Float32Array(numbers);
  // The layers are in their order, and what lies behind them is last.
  block.set(data, numbers - data.length);
  return { kind: "biases", dims: [numbers], block };
}
