import type { PromptManifest } from "./manifest.ts";
import type { StoredPrompt } from "./prompt.ts";
import { expectedTensors, takeApart } from "./tensors.ts";

/** What `kilotune inspect` tells of a file, as plain data. */
export interface PromptDescription {
  readonly id: string;
  readonly sizeBytes: number;
  readonly manifest: PromptManifest;
  /** All numbers that were tuned. */
  readonly parameters: number;
  readonly tensors: readonly TensorDescription[];
  /** What was made sure of while the file was read; a file that fails one isn't described but refused. */
  readonly checks: readonly string[];
}

export interface TensorDescription {
  readonly name: string;
  readonly dims: readonly number[];
  /** In the file. */
  readonly sizeBytes: number;
  readonly largestMagnitude: number;
}

export function describePrompt({ id, sizeBytes, prompt }: StoredPrompt): PromptDescription {
  const { manifest } = prompt;
  const numbers = takeApart(prompt);
  const tensors = [...expectedTensors(manifest)].map(([name, dims]) => {
    const data = numbers.get(name)!;
    const bytesPerElement = manifest.storage === "float16" ? 2 : 4;
    const largestMagnitude = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    return { name, dims, sizeBytes: data.length * bytesPerElement, largestMagnitude };
  });
  const parameters = [...numbers.values()].reduce((sum, data) => sum + data.length, 0);
  const names = tensors.map(({ name }) => name).join(", ");
  return {
    id,
    sizeBytes,
    manifest,
    parameters,
    tensors,
    checks: [
      `the manifest is ${manifest.format} and has every field`,
      `the tensors are just ${names}, in the shapes that the manifest asks for`,
      `all ${parameters} numbers are finite`,
      ...(manifest.labels.length === 0 ? [] : [`${rowsOf(manifest)}, no label is there twice`]),
    ],
  };
}

function rowsOf({ head, labels }: PromptManifest): string {
  const isOnPatches = head.kind === "segmentation" || head.kind === "detection";
  return isOnPatches
    ? `the head gives each of the ${labels.length} labels a number in every cell`
    : `the head has one row for each of the ${labels.length} labels`;
}
