import path from "node:path";
import type { TunedVisionSite, VisionBackbone, VisionConfig } from "@kilotune/backbone";
import { prng } from "@kilotune/dataset";
import { type Feeds, float32, type Tensor } from "@kilotune/engine";
import { openNodeSession } from "@kilotune/engine/node";
import { defineBench, say } from "./support/bench.ts";
import { REPOSITORY } from "./support/places.ts";
import { normal, referenceNumbers } from "./support/reference-numbers.ts";
import { relativeError } from "./support/relative-error.ts";
import { openSaliency, openVision, saliencyCheckpoint, saliencyFile } from "./support/vision-backbone.ts";

/** PyTorch's side, shared with the unit test's goldens: autograd through transformers' modules, in float64. */
const GOLDENS = path.join(REPOSITORY, "packages/backbone/src/vision/goldens");

const TINY = ["vit", "mae", "clip", "dinov2", "dinov2-gated", "dinov2-registers"];

export const bench = defineBench({
  about:
    "vision backbones on ONNX Runtime vs PyTorch in float64: features and prompt gradients, tiny ones and vit-s14-saliency",
  goal: "relative error <= 1e-4 for all features and gradients, <= 1e-5 for the imported graph vs its own file",
  flags: { images: 2, tokens: 4, classes: 5, seed: 0 },
  async run(flags) {
    const errors: Record<string, Record<string, Errors>> = {};
    for (const name of TINY) {
      const folder = path.join(GOLDENS, name);
      const backbone = await openVision(folder);
      const setting = draw(backbone.manifest.config, flags);
      errors[name] = await errorsOf(
        name,
        backbone,
        setting,
        await referenceNumbers(GOLDENS, folder, setting.given),
      );
    }
    // One file, two ways in: taken apart by pattern, and as a checkpoint under DINOv2's names.
    const imported = await openSaliency();
    const setting = draw(imported.manifest.config, flags);
    const checkpoint = await saliencyCheckpoint();
    const theirs = await referenceNumbers(GOLDENS, checkpoint, setting.given);
    errors["vit-s14-saliency"] = await errorsOf("vit-s14-saliency", imported, setting, theirs);
    const asDinov2 = await openVision(checkpoint, [224, 224]);
    errors["vit-s14-saliency as dinov2"] = await errorsOf("as dinov2", asDinov2, setting, theirs);
    const toItsFile = await errorToFile(imported, setting.given.pixels as Tensor);
    const all = Object.values(errors).flatMap((byPrompt) =>
      Object.values(byPrompt).flatMap((each) => Object.values(each)),
    );
    const worst = Math.max(...all);
    return {
      figures: { worst, importedToItsFile: toItsFile, errors },
      reached: all.length > 0 && worst <= 1e-4 && toItsFile <= 1e-5,
    };
  },
});

type Errors = Readonly<Record<string, number>>;

interface Setting {
  readonly prompts: readonly { readonly name: string; readonly site: TunedVisionSite }[];
  readonly given: Feeds;
}

function draw(
  config: VisionConfig,
  flags: { images: number; tokens: number; classes: number; seed: number },
): Setting {
  const { layers, heads, headDim, hiddenSize, height, width } = config;
  const { images, tokens, classes, seed } = flags;
  const random = prng(seed, "vision-parity");
  const late = Math.floor(layers / 2);
  const prefix = (first: number) => [layers - first, 2, heads, tokens, headDim];
  const deep = (first: number) => [layers - first, tokens, hiddenSize];
  const prompts: (Setting["prompts"][number] & { dims: number[] })[] = [
    ...[0, late].map((firstLayer) => ({
      name: `kv-${firstLayer}`,
      site: { kind: "kv", firstLayer } as const,
      dims: prefix(firstLayer),
    })),
    ...[0, late].map((firstLayer) => ({
      name: `deep-${firstLayer}`,
      site: { kind: "deep", firstLayer } as const,
      dims: deep(firstLayer),
    })),
    { name: "soft", site: { kind: "soft" }, dims: [tokens, hiddenSize] },
    {
      name: `lora-${late}`,
      site: { kind: "lora", firstLayer: late },
      dims: [layers - late, 2, 2, tokens, hiddenSize],
    },
  ];
  const targets = new Float32Array(images * classes);
  for (let row = 0; row < images; row++) targets[row * classes + random.integer(classes)] = 1;
  return {
    prompts,
    given: {
      pixels: normal(random, [images, 3, height, width], 1),
      prototypes: normal(random, [classes, hiddenSize], 1),
      targets: float32(targets, [images, classes]),
      weights: float32(new Float32Array(images).fill(1 / images), [images]),
      scale: float32([10], []),
      ...Object.fromEntries(prompts.map(({ name, dims }) => [name, normal(random, dims, 0.3)])),
    },
  };
}

async function errorsOf(
  name: string,
  backbone: VisionBackbone,
  { prompts, given }: Setting,
  theirs: ReadonlyMap<string, Tensor>,
): Promise<Record<string, Errors>> {
  const errors: Record<string, Errors> = {};
  const error = (results: Feeds, ours: string, reference: string) =>
    relativeError(results[ours]?.data as Float32Array, theirs.get(reference)?.data as Float64Array);
  const { pixels, prototypes, targets, weights, scale } = given as Record<string, Tensor>;
  for (const { name: prompt, site } of prompts) {
    const lower = await backbone.open({ kind: "lower", site });
    const { hidden } = await lower.run({ pixels: pixels! });
    await lower.release();
    const tune = await backbone.open({ kind: "tune", site, feature: "cls", dropout: false });
    const head = { prototypes: prototypes!, targets: targets!, weights: weights!, scale: scale! };
    const step = await tune.run({ hidden: hidden!, [site.kind]: given[prompt]!, ...head });
    await tune.release();
    const upper = await backbone.open({ kind: "upper", site, wanted: { cls: true, patches: true } });
    const features = await upper.run({ hidden: hidden!, [site.kind]: given[prompt]! });
    await upper.release();
    errors[prompt] = {
      cls: error(features, "cls", `${prompt}/cls`),
      patches: error(features, "patches", `${prompt}/patches`),
      loss: error(step, "loss", `${prompt}/loss`),
      promptGradient: error(step, `grad.${site.kind}`, `${prompt}/grad.prompt`),
      prototypeGradient: error(step, "grad.prototypes", `${prompt}/grad.prototypes`),
    };
    say(`${name} ${prompt}: ${JSON.stringify(errors[prompt])}`);
  }
  return errors;
}

/**
 * The imported encoder's patches, without a prompt, through the rest of the original file: its decoder's picture of them
 * against the picture that ONNX Runtime makes of the file as it was published.
 */
async function errorToFile(backbone: VisionBackbone, pixels: Tensor): Promise<number> {
  const original = await openNodeSession(await saliencyFile());
  const theirs = await original.run({ [original.inputNames[0] as string]: pixels });
  await original.release();
  const site = { kind: "none", firstLayer: 0 } as const;
  const lower = await backbone.open({ kind: "lower", site });
  const { hidden } = await lower.run({ pixels });
  await lower.release();
  const upper = await backbone.open({ kind: "upper", site, wanted: { cls: true, patches: true } });
  const { cls, patches } = await upper.run({ hidden: hidden! });
  await upper.release();
  const ours = await decodeTokens(cls!, patches!);
  return relativeError(
    ours.data as Float32Array,
    theirs[original.outputNames[0] as string]?.data as Float32Array,
  );
}

async function decodeTokens(cls: Tensor, patches: Tensor): Promise<Tensor> {
  const { readTail } = await import("./support/onnx-tail.ts");
  const [images, count, width] = patches.dims as [number, number, number];
  const tokens = new Float32Array(images * (count + 1) * width);
  for (let image = 0; image < images; image++) {
    const at = image * (count + 1) * width;
    tokens.set((cls.data as Float32Array).subarray(image * width, (image + 1) * width), at);
    tokens.set(
      (patches.data as Float32Array).subarray(image * count * width, (image + 1) * count * width),
      at + width,
    );
  }
  const tail = await openNodeSession(
    await readTail(await saliencyFile(), "/backbone/layernorm/Add_1_output_0"),
  );
  const results = await tail.run({ tokens: float32(tokens, [images, count + 1, width]) });
  await tail.release();
  return results[tail.outputNames[0] as string] as Tensor;
}
