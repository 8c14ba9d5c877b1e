import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { readRecord } from "../layers/record.ts";
import type { BaseName } from "./base-images.ts";

/** An image that we build: of which folder, of which base, for which processor. */
export interface Image {
  /** As `images.json` and infra/stack call it: job-cpu, job-gpu, infer-<backbone>. */
  readonly name: string;
  readonly context: "job" | `infer-${string}`;
  /** Stage of the Dockerfile. */
  readonly target?: "cpu" | "gpu";
  readonly bases: readonly BaseName[];
  readonly platform: "linux/amd64" | "linux/arm64";
}

export const JOB_IMAGES: readonly Image[] = [
  { name: "job-cpu", context: "job", target: "cpu", bases: ["NODE_IMAGE"], platform: "linux/amd64" },
  {
    name: "job-gpu",
    context: "job",
    target: "gpu",
    bases: ["NODE_IMAGE", "CUDA_IMAGE"],
    platform: "linux/amd64",
  },
];

/** Functions whose backbone is too large for a layer. */
export async function inferImages(layers: string): Promise<Image[]> {
  const record = await readRecord(layers);
  return record.layers
    .filter(({ kind, name }) => kind === "image" && name.startsWith("backbone-"))
    .map(({ name }) => {
      const infer = `infer-${name.slice("backbone-".length)}` as const;
      return { name: infer, context: infer, bases: ["LAMBDA_IMAGE"], platform: "linux/arm64" };
    });
}

/**
 * Those of the names, in the order of all; all of them where no name is given.
 *
 * @throws KilotuneError `unknown_image`
 */
export function imagesNamed(all: readonly Image[], names: readonly string[]): readonly Image[] {
  const unknown = names.find((name) => !all.some((image) => image.name === name));
  if (unknown !== undefined)
    throw new KilotuneError(
      "unknown_image",
      `expected one of ${all.map(({ name }) => name).join(", ")}, saw ${JSON.stringify(unknown.slice(0, 80))}`,
      "An infer-<backbone> is there where `npm run layer -- build` found its backbone too large for a layer.",
      { kind: "usage" },
    );
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

export const ROOT = path.resolve(import.meta.dirname, "../..");
