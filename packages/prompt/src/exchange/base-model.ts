import path from "node:path";
import type { TextBackbone } from "../manifest/backbones.ts";
import { quote, refuse } from "./refuse.ts";
import { openSafetensors } from "./safetensors-file.ts";
import { readNumbers, type TensorFile } from "./tensor-file.ts";

/** The frozen model that a prompt of another system was tuned on: what its numbers alone don't say. */
export interface BaseModel extends AsyncDisposable {
  readonly about: AboutBase;
  /** A weight by its name in `transformers`, without the prefix of the model's class. */
  read(name: string, dims: readonly number[]): Promise<Float32Array>;
  has(name: string): boolean;
}

export interface AboutBase {
  /** As a prompt's manifest has it. */
  readonly backbone: TextBackbone;
  /** Longest text in tokens. */
  readonly maxTokens: number;
  /** Rows of the position table. */
  readonly maxPositions: number;
  readonly layerNormEpsilon: number;
}

type Hashes = "weightsSha256" | "tokenizerSha256" | "preprocessingSha256";
type Sizes = "layers" | "hiddenSize" | "heads" | "headDim";

/** What is asked of a backbone's manifest: that of @kilotune/backbone has it all. */
export interface BackboneFacts extends Pick<AboutBase, "maxTokens"> {
  readonly id: string;
  readonly family: string;
  readonly licence: string;
  readonly identity: Pick<AboutBase["backbone"], Hashes>;
  readonly config: Pick<AboutBase["backbone"], Sizes> & Pick<AboutBase, "maxPositions" | "layerNormEpsilon">;
}

/**
 * @param folder the checkpoint that the backbone was built from, with `model.safetensors`
 * @throws KilotuneError `unsupported_prompt_kind` for a family whose embeddings and head aren't known here
 */
export async function openBaseModel(folder: string, facts: BackboneFacts): Promise<BaseModel> {
  if (facts.family !== "bert") {
    throw refuse(
      "unsupported_prompt_kind",
      "a backbone of the family bert",
      quote(facts.family),
      "Prompts of other systems are carried over for BERT alone so far.",
    );
  }
  const file = await openSafetensors(path.join(folder, "model.safetensors"));
  const names = new Map([...file.shapes.keys()].map((name) => [plainBertName(name), name]));
  return {
    about: aboutOf(facts),
    has: (name) => names.has(name),
    async read(name, dims) {
      const { data } = await readNumbers(file, names.get(name) ?? name, dims);
      return data;
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function aboutOf({ id, licence, identity, maxTokens, config }: BackboneFacts): AboutBase {
  const { weightsSha256, tokenizerSha256, preprocessingSha256 } = identity;
  const { layers, hiddenSize, heads, headDim, maxPositions, layerNormEpsilon } = config;
  const hashes = { weightsSha256, tokenizerSha256, preprocessingSha256 };
  const backbone = { id, ...hashes, licence, layers, hiddenSize, heads, headDim };
  return { backbone, maxTokens, maxPositions, layerNormEpsilon };
}

/** Without the prefix that task models put in front, with today's names of the norms. */
export function plainBertName(name: string): string {
  return name
    .replace(/^bert\./, "")
    .replace(/LayerNorm\.gamma$/, "LayerNorm.weight")
    .replace(/LayerNorm\.beta$/, "LayerNorm.bias");
}

/**
 * Refuses a file that brings weights of another model along. Frozen weights are the backbone's to the last bit.
 * @param carried names in the file -> plain names
 */
export async function assertSameWeights(
  file: TensorFile,
  carried: ReadonlyMap<string, string>,
  base: BaseModel,
): Promise<void> {
  for (const [name, plain] of carried) {
    const dims = file.shapes.get(name)!;
    const theirs = (await readNumbers(file, name, dims)).data;
    const ours = base.has(plain) ? await base.read(plain, dims) : undefined;
    if (ours !== undefined && theirs.every((value, at) => value === ours[at])) continue;
    throw refuse(
      "bad_foreign_prompt",
      `${file.path}: the frozen weights of backbone ${quote(base.about.backbone.id)}`,
      ours === undefined ? `${quote(name)}, which it doesn't have` : `other numbers in ${quote(name)}`,
      "The prompt was tuned on another model, or the model was tuned too: give the backbone it was tuned on.",
    );
  }
}
