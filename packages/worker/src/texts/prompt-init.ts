import { biasNumbers } from "@kilotune/backbone";
import { type KilotuneError, METHOD_SHAPES } from "@kilotune/contract";
import type { Prng, TextTask } from "@kilotune/dataset";
import { assertCompatible, type Receipt, type StoredPrompt } from "@kilotune/prompt";
import { badInit, type RunOptions, startFromTexts, tokensOfText, type TuneSettings } from "@kilotune/tuner";
import { backboneIdentity } from "../backbone-identity.ts";
import type { PromptInit, TextJob } from "../job.ts";

/** Of a run what its prompt may start from. */
export interface StartWords {
  /** Of labels, in words. */
  readonly labels?: readonly string[];
  /** Of each label its rows, as encoded. */
  readonly examples?: readonly (readonly Int32Array[])[];
}

/**
 * What a run's prompt starts as; undefined where at random.
 * @throws KilotuneError `bad_init` where method or task know no such start
 */
export function promptStart(
  { backbone, init }: Pick<TextJob, "backbone" | "init">,
  settings: TuneSettings,
  words: StartWords,
): ((random: Prng) => Promise<Float32Array>) | undefined {
  if (init === undefined) return undefined;
  switch (init.kind) {
    case "prompt": {
      const { values } = standing(init.prompt, settings, backbone);
      return async () => values.slice();
    }
    case "labels": {
      if (words.labels === undefined) throw noSuchWords("labels");
      const groups = words.labels.map((label) => [backbone.tokenizer.encode(label).ids]);
      return startFromTexts(backbone, settings, { kind: "groups", groups });
    }
    case "examples":
      if (words.examples === undefined) throw noSuchWords("a label for each row");
      return startFromTexts(backbone, settings, { kind: "groups", groups: words.examples });
    default:
      return startFromTexts(backbone, settings, init);
  }
}

/** The same before anything is computed: refuses what method or task can't begin with. */
export function checkInit(job: TextJob, settings: TuneSettings): void {
  promptStart(job, settings, WORDS[job.task ?? "classification"]);
}

/** Which words there will be. */
const WORDS: Readonly<Record<TextTask, StartWords>> = {
  classification: { labels: [], examples: [] },
  multi_label: { labels: [], examples: [] },
  tagging: { labels: [] },
  regression: {},
  retrieval: {},
};

/** What a job's prompts are learnt through. */
export function throughOf({ backbone, reparam }: TextJob): Pick<RunOptions, "through"> {
  return reparam === undefined ? {} : { through: { how: reparam, openGraph: backbone.openGraph } };
}

/** Sizes that follow from a start, where the job names none: as many virtual tokens as the text has, those of the prompt. */
export function sizesOfInit({ backbone, init, method }: TextJob): {
  readonly tokens?: number;
  readonly firstLayer?: number;
} {
  if (init?.kind === "text" && METHOD_SHAPES[method].standsForTokens) {
    const { positions } = tokensOfText(backbone, init.text);
    return { tokens: Math.min(MOST_TOKENS, positions.length) };
  }
  if (init?.kind !== "prompt") return {};
  const { prompt } = init.prompt;
  switch (prompt.method) {
    case "soft":
      return { tokens: prompt.soft.tokens };
    case "kv":
      return { tokens: prompt.kv.tokens, firstLayer: prompt.manifest.sites.firstLayer };
    case "lora":
      return { tokens: prompt.lora.rank, firstLayer: prompt.manifest.sites.firstLayer };
    case "bias":
      return { firstLayer: prompt.manifest.sites.firstLayer };
    default:
      return {};
  }
}

/** As `tokens` may be asked for. */
const MOST_TOKENS = 128;

/** The numbers of another prompt, which must be of the same backbone, method and shape. */
function standing(
  { prompt }: StoredPrompt,
  settings: TuneSettings,
  backbone: TextJob["backbone"],
): { readonly values: Float32Array } {
  const { method, tokens, firstLayer } = settings;
  assertCompatible(prompt.manifest, backboneIdentity(backbone));
  if (prompt.method !== method)
    throw badInit(
      `a prompt of method ${method}`,
      prompt.method,
      prompt.method === "head"
        ? "A head alone has no prompt: name another file."
        : `Tune with method ${prompt.method}.`,
    );
  const { config } = backbone.manifest;
  const size = method === "bias" ? biasNumbers(config, firstLayer) : tokens;
  const wanted = shapeWords(method, size, firstLayer, config.layers - firstLayer);
  const refuseOther = (seen: string) => {
    if (seen !== wanted)
      throw badInit(wanted, seen, "Leave out tokens, rank and first layer: they follow from the prompt.");
  };
  switch (prompt.method) {
    case "soft":
      refuseOther(shapeWords("soft", prompt.soft.tokens, 0, 0));
      return { values: prompt.soft.data };
    case "kv": {
      const { tokens, layers, data } = prompt.kv;
      refuseOther(shapeWords("kv", tokens, prompt.manifest.sites.firstLayer, layers));
      return { values: data };
    }
    case "lora": {
      const { rank, layers, data } = prompt.lora;
      refuseOther(shapeWords("lora", rank, prompt.manifest.sites.firstLayer, layers));
      return { values: data };
    }
    case "bias": {
      const { layers, data } = prompt.bias;
      refuseOther(shapeWords("bias", data.length, prompt.manifest.sites.firstLayer, layers));
      return { values: data };
    }
    default:
      throw new Error("a prompt's method is the run's");
  }
}

function shapeWords(method: string, size: number, firstLayer: number, layers: number): string {
  const sizes = method === "bias" ? `${size} biases` : method === "lora" ? `rank ${size}` : `${size} tokens`;
  return method === "soft" ? sizes : `${sizes} on ${layers} layers from layer ${firstLayer} on`;
}

function noSuchWords(what: string): KilotuneError {
  return badInit(
    "a task with words to start from",
    `one without ${what}`,
    "Start from a text, or at random.",
  );
}

type AskedInit = NonNullable<NonNullable<Receipt["asked"]>["init"]>;

/** As receipts tell it: of another prompt its file's hash. */
export function askedInit(init: PromptInit): AskedInit {
  switch (init.kind) {
    case "text":
      return { text: init.text };
    case "prompt":
      return { prompt: init.prompt.id.replace(/^sha256-/, "") };
    default:
      return init.kind;
  }
}

/**
 * Back from a receipt. @param given the prompt that the user names for it
 * @throws KilotuneError `bad_init` where it is another one, or none
 */
export function initOfReceipt(asked: AskedInit, given: StoredPrompt | undefined): PromptInit {
  if (typeof asked === "string") return { kind: asked };
  if ("text" in asked) return { kind: "text", text: asked.text };
  if (given?.id === `sha256-${asked.prompt}`) return { kind: "prompt", prompt: given };
  throw badInit(
    `the prompt of SHA-256 ${asked.prompt}`,
    given === undefined ? "none" : given.id.replace("sha256-", ""),
    "It was tuned from that prompt: give its file (--init).",
  );
}
