import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import type { MethodName } from "@kilotune/contract";
import type { Prng } from "@kilotune/dataset";
import type { Prompt } from "@kilotune/prompt";
import { badInit, deepOfPrefix, type PromptSite } from "@kilotune/tuner";

/** Where a run's prompt joins, as its settings say it. */
export interface PromptPlace {
  readonly method: MethodName;
  /** Of lora its rank, of border its width, of bias its numbers. */
  readonly tokens: number;
  readonly firstLayer: number;
}

/**
 * The numbers of another prompt of the same backbone, for a run that goes on from them; they are the file's, to be copied.
 * @param layers of the backbone
 * @throws KilotuneError `bad_init` where it is of another method or shape
 */
export function standingNumbers(
  prompt: Prompt,
  { method, tokens, firstLayer }: PromptPlace,
  layers: number,
): Float32Array {
  const isOfDeep = prompt.manifest.receipt?.settings.method === "deep";
  const isSame = prompt.method === method || (method === "deep" && isOfDeep);
  if (prompt.method === "head" || !isSame)
    throw badInit(
      `a prompt of method ${method}`,
      prompt.method,
      prompt.method === "head"
        ? "A head alone has no prompt: name another file."
        : `Tune with method ${prompt.method}.`,
    );
  const seen = shapeOf(prompt);
  const wanted = shapeWords(method, tokens, firstLayer, layers - firstLayer);
  if (seen !== wanted)
    throw badInit(
      wanted,
      seen,
      "Leave out tokens, rank, width and first layer: they follow from the prompt.",
    );
  return numbersOf(prompt);
}

/** The start of a run that goes on from them, at its site: of deep the tokens that became the file's keys and values. */
export async function startFrom(
  standing: Float32Array,
  backbone: Backbone | VisionBackbone,
  { method, firstLayer }: Pick<PromptPlace, "method" | "firstLayer">,
  site: PromptSite | undefined,
  random: Prng,
): Promise<Float32Array> {
  if (method !== "deep" || site === undefined) return standing.slice();
  return deepOfPrefix(backbone, firstLayer, standing, site.start(random));
}

/** What was learnt besides the head. */
export function numbersOf(prompt: Exclude<Prompt, { method: "head" }>): Float32Array {
  switch (prompt.method) {
    case "kv":
      return prompt.kv.data;
    case "soft":
      return prompt.soft.data;
    case "lora":
      return prompt.lora.data;
    case "channels":
      return prompt.channels.data;
    case "border":
      return prompt.border.data;
    case "bias":
      return prompt.bias.data;
  }
}

/** Sizes that follow from a prompt, where a job names none. */
export function sizesOfPrompt(prompt: Prompt): Partial<Pick<PromptPlace, "tokens" | "firstLayer">> {
  switch (prompt.method) {
    case "soft":
      return { tokens: prompt.soft.tokens };
    case "kv":
      return { tokens: prompt.kv.tokens, firstLayer: prompt.manifest.sites.firstLayer };
    case "lora":
      return { tokens: prompt.lora.rank, firstLayer: prompt.manifest.sites.firstLayer };
    case "border":
      return { tokens: prompt.border.width };
    case "bias":
      return { firstLayer: prompt.manifest.sites.firstLayer };
    default:
      return {};
  }
}

function shapeOf(prompt: Exclude<Prompt, { method: "head" }>): string {
  const { tokens = 0, firstLayer = 0 } = sizesOfPrompt(prompt);
  const { sites } = prompt.manifest;
  const numbers = prompt.method === "bias" ? prompt.bias.data.length : tokens;
  return shapeWords(prompt.method, numbers, firstLayer, "layers" in sites ? sites.layers : 0);
}

function shapeWords(method: MethodName, tokens: number, firstLayer: number, layers: number): string {
  const site = `on ${layers} layers from layer ${firstLayer} on`;
  switch (method) {
    case "soft":
      return `${tokens} tokens`;
    case "lora":
      return `rank ${tokens} ${site}`;
    case "bias":
      return `${tokens} biases ${site}`;
    case "border":
      return `a border of ${tokens} pixels`;
    case "channels":
      // A file's are those of all stages: below the first that learns, nothing would be changed by them.
      return `channels from stage ${firstLayer} on`;
    default:
      return `${tokens} tokens ${site}`;
  }
}
