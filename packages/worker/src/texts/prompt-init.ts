import { biasNumbers } from "@kilotune/backbone";
import { type KilotuneError, METHOD_SHAPES } from "@kilotune/contract";
import type { Prng, TextTask } from "@kilotune/dataset";
import { assertCompatible } from "@kilotune/prompt";
import {
  badInit,
  promptSite,
  type RunOptions,
  startFromTexts,
  type TuneSettings,
  tokensOfText,
} from "@kilotune/tuner";
import { backboneIdentity } from "../backbone-identity.ts";
import type { TextJob } from "../job.ts";
import { sizesOfPrompt, standingNumbers, startFrom } from "../standing-prompt.ts";

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
      const { prompt } = init.prompt;
      assertCompatible(prompt.manifest, backboneIdentity(backbone));
      const { config } = backbone.manifest;
      const { method, firstLayer } = settings;
      const tokens = method === "bias" ? biasNumbers(config, firstLayer) : settings.tokens;
      const values = standingNumbers(prompt, { method, tokens, firstLayer }, config.layers);
      return (random) =>
        startFrom(values, backbone, settings, promptSite(settings, backbone.manifest), random);
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
  return init?.kind === "prompt" ? sizesOfPrompt(init.prompt.prompt) : {};
}

/** As `tokens` may be asked for. */
const MOST_TOKENS = 128;

function noSuchWords(what: string): KilotuneError {
  return badInit(
    "a task with words to start from",
    `one without ${what}`,
    "Start from a text, or at random.",
  );
}
