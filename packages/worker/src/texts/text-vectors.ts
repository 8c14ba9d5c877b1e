import { type Backbone, cutOf, defaultFirstLayer } from "@kilotune/backbone";
import type { Head, Prompt } from "@kilotune/prompt";
import {
  embed,
  type LearningTask,
  type Learnt,
  type LinearSession,
  promptFeed,
  promptSite,
  type RunOptions,
  type TuneSettings,
} from "@kilotune/tuner";
import { promptedVectors } from "../classes/answer.ts";
import {
  type FrozenSessions,
  openFrozenSessions,
  prepareTexts,
  type ReadTexts,
  type TextRows,
} from "../classes/prepare.ts";
import { roundedPrompt, type TextUse } from "../classes/publish.ts";
import type { TextJob } from "../job.ts";
import { promptStart, type StartWords, throughOf } from "./prompt-init.ts";
import { sharedSessions } from "../shared-sessions.ts";
import type { Published } from "../task.ts";

/** What tasks share that read a text, or a pair, as one vector: labels, a number, texts that are to be found. */
export interface TextVectors extends AsyncDisposable {
  /** Its sessions are shared by all runs of the job. */
  readonly backbone: Backbone;
  readonly sessions: FrozenSessions;
  readonly linear: LinearSession;
  /** Numbers of the prompt; 0 of a head alone. */
  readonly promptNumbers: number;
  prepare(file: ReadTexts, onProgress?: (share: number) => void): Promise<TextRows>;
  /**
   * What a run on these rows begins with, nothing where at random, and what its prompt is learnt through.
   * @param taskOn the run's task by the rows' unit vectors, which its head starts from: those behind the prompt's start
   */
  beginOf<Name extends string>(
    settings: TuneSettings,
    rows: Pick<TextRows, "store">,
    words: StartWords,
    taskOn: (vectors: Float32Array) => LearningTask<Name> | Promise<LearningTask<Name>>,
  ): Pick<RunOptions<Name>, "start" | "through">;
  /** Unit vectors behind what was learnt, [rows, H] flat. @param own settings of the run, where they are others */
  vectorsOf(
    learnt: Pick<Learnt, "prompt">,
    rows: Pick<TextRows, "store">,
    own?: TuneSettings,
  ): Promise<Float32Array>;
  /** Behind a prompt as its file has it. */
  vectorsOfPrompt(prompt: Prompt, rows: Pick<TextRows, "store" | "vectors">): Promise<Float32Array>;
  /** Rounded to what its file will hold. */
  publish(
    use: TextUse,
    head: Head | { readonly kind: "none" },
    { tuned, receipt }: Pick<Published<unknown, unknown>, "tuned" | "receipt">,
  ): Promise<Prompt>;
}

/** @param settings undefined where a head alone is asked for */
export async function openTextVectors(
  job: TextJob,
  settings: TuneSettings | undefined,
): Promise<TextVectors> {
  // Released here where a later one doesn't open.
  await using opened = new AsyncDisposableStack();
  const backbone = opened.use(sharedSessions(job.backbone));
  const { manifest } = backbone;
  const { hiddenSize, layers } = manifest.config;
  const firstLayer = settings?.firstLayer ?? defaultFirstLayer(layers);
  const site = settings && promptSite(settings, manifest);
  const sessions = await openFrozenSessions(backbone, firstLayer, site && cutOf(site.site));
  opened.defer(() => sessions.release());
  const kept = opened.move();
  const vectorsOf: TextVectors["vectorsOf"] = async ({ prompt }, { store }, own = settings) => {
    const { site, ...rest } = promptSite(own as TuneSettings, manifest);
    const upper = await backbone.open({ kind: "upper", site });
    return embed(upper, store, hiddenSize, promptFeed({ site, ...rest }, prompt));
  };
  return {
    backbone,
    sessions,
    linear: sessions.linear,
    promptNumbers: site?.dims.reduce((a, b) => a * b, 1) ?? 0,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
    prepare: (file, onProgress) => prepareTexts(backbone, sessions, file, onProgress),
    beginOf(own, rows, words, taskOn) {
      const start = promptStart(job, own, words);
      if (start === undefined) return throughOf(job);
      return {
        ...throughOf(job),
        async start(random) {
          const prompt = await start(random);
          const { head } = await taskOn(await vectorsOf({ prompt }, rows, own));
          return { prompt, head };
        },
      };
    },
    vectorsOf,
    vectorsOfPrompt: (prompt, rows) => promptedVectors(backbone, prompt, rows),
    publish: (use, head, { tuned, receipt }) =>
      roundedPrompt({
        backbone,
        use,
        head,
        storage: job.storage ?? "float16",
        receipt,
        tuned: tuned && settings && { settings: { ...settings, epochs: tuned.epoch }, data: tuned.prompt },
      }),
  };
}
