import { KilotuneError } from "@kilotune/contract";
import { assertFinite, float16ToFloat32, float32, float32ToFloat16, type Tensor } from "@kilotune/engine";
import type { PromptManifest } from "./manifest.ts";
import type { Prompt } from "./prompt.ts";
import { assemble, expectedTensors, takeApart } from "./tensors.ts";

export type Storage = PromptManifest["storage"];

/**
 * The prompt with just the numbers that a reader of its file will get. Measure this one, so that what is reported is
 * true of the file. Throws as `toStored` does.
 */
export function roundToStorage<P extends Prompt>(prompt: P, storage: Storage): P {
  const tensors = new Map<string, Float32Array>();
  for (const [name, tensor] of toStored(prompt, storage)) tensors.set(name, fromStored(tensor));
  return assemble({ ...prompt.manifest, storage }, tensors) as P;
}

/**
 * The tensors of the file. Throws `non_finite` where a number already is NaN or infinite, and `non_finite_after_cast`
 * where it is too large for float16. A prompt at odds with its own manifest is its maker's fault: a plain Error.
 */
export function toStored(prompt: Prompt, storage: Storage): ReadonlyMap<string, Tensor> {
  assertAgreement(prompt);
  const tensors = takeApart(prompt);
  const stored = new Map<string, Tensor>();
  for (const [name, dims] of expectedTensors(prompt.manifest)) {
    const tensor = float32(tensors.get(name)!, dims);
    assertFinite(tensor, name);
    stored.set(name, storage === "float16" ? toHalf(name, tensor.data as Float32Array, dims) : tensor);
  }
  return stored;
}

/** A copy as float32, which every half is exactly. */
export function fromStored({ type, data }: Tensor): Float32Array {
  return type === "float16" ? float16ToFloat32(data as Uint16Array) : Float32Array.from(data as Float32Array);
}

/** Halves end at 65504; what lies halfway to the next power of two rounds to infinity. */
const FLOAT16_OVERFLOW = 65520;

function toHalf(name: string, data: Float32Array, dims: readonly number[]): Tensor {
  const tooLarge = data.findIndex((value) => Math.abs(value) >= FLOAT16_OVERFLOW);
  if (tooLarge >= 0) {
    throw new KilotuneError(
      "non_finite_after_cast",
      `tensor "${name}": expected numbers within +-65504 to store as float16, but saw ${data[tooLarge]} at index ${tooLarge} of shape [${dims.join(", ")}]`,
      "Tune with a lower learning rate, or store the prompt as float32.",
    );
  }
  return { type: "float16", dims, data: float32ToFloat16(data) };
}

function assertAgreement(prompt: Prompt): void {
  const { manifest } = prompt;
  const seen = describe(prompt);
  const expected = describe(assemble(manifest, takeApart(prompt)));
  if (seen !== expected) throw new Error(`the manifest says ${expected}, the prompt is ${seen}`);
}

/** The prompt without its numbers; JSON.stringify puts the keys in the order of the list. */
function describe(prompt: Prompt): string {
  return JSON.stringify(prompt, DESCRIBING);
}

const DESCRIBING = [
  "method",
  "kv",
  "soft",
  "lora",
  "bias",
  "channels",
  "border",
  "width",
  "layers",
  "tokens",
  "heads",
  "headDim",
  "rank",
  "hidden",
  "head",
  "kind",
  "scale",
];
