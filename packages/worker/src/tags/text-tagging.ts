import { cutOf, defaultFirstLayer, type UpperSite } from "@kilotune/backbone";
import { type RowOfTask, similarTexts } from "@kilotune/dataset";
import type { Feeds } from "@kilotune/engine";
import { type Head, type Prompt, roundToStorage } from "@kilotune/prompt";
import {
  answerTags,
  chooseTagSettings,
  embedWords,
  fitTagProbe,
  HiddenStore,
  type LinearHead,
  textTagging as learnTags,
  learntHead,
  promptFeed,
  promptSite,
  readableName,
  runTuning,
  START_C,
  spanF1,
  type TagProbe,
  type TuneSettings,
  taggedWords,
  tagLabelsOf,
  tagsOfTokens,
} from "@kilotune/tuner";
import { openFrozenSessions } from "../classes/prepare.ts";
import type { JobEvent, TextJob } from "../job.ts";
import { judgeRows } from "../judge-rows.ts";
import { mapFiles } from "../map-files.ts";
import { once } from "../once.ts";
import { learntPart, siteOfPrompt, withPart } from "../prompt-part.ts";
import { TUNED } from "../select.ts";
import { sharedSessions } from "../shared-sessions.ts";
import type { JobData, RowsOf, Task, TaskPlan } from "../task.ts";
import { promptStart, throughOf } from "../texts/prompt-init.ts";
import { hashOfRows, readTextFiles } from "../texts/read-texts.ts";
import { textSettings } from "../texts/text-settings.ts";
import { tokensOf } from "../tokens-of.ts";
import { scoreOfText, spanFindings, spanScore, type TagOutcome } from "./outcome.ts";

interface TagFile extends RowsOf {
  readonly rows: readonly RowOfTask["tagging"][];
}

interface TagRows extends RowsOf {
  readonly rows: readonly RowOfTask["tagging"][];
  readonly store: HiddenStore;
  readonly firsts: readonly Int32Array[];
  /** Of each text's words: numbers of tags, and in words. */
  readonly tags: readonly Int32Array[];
  readonly wordTags: readonly (readonly string[])[];
  readonly wordOfToken: readonly Int32Array[];
  /** Frozen states of the words, text by text. */
  readonly vectors: readonly Float32Array[];
  readonly truncatedRows: number;
}

const PROBE = "linearProbe";

/** Named spans of texts: a tag a word. */
export function textTagging(job: TextJob): TaskPlan<TagFile, TagRows, TagProbe, TagOutcome> {
  return { read: (emit) => readTags(job, emit), open: (data) => openTags(job, data) };
}

async function readTags(job: TextJob, emit: (event: JobEvent) => void): Promise<JobData<TagFile>> {
  const files = await readTextFiles(job, "tagging", emit);
  const facts = (file: typeof files.validation) =>
    file?.rows.map(({ text, tokens, tags }) => [text, tokens, tags]);
  return {
    ...mapFiles(files, ({ name, rows }): TagFile => ({ name, count: rows.length, rows })),
    labels: tagLabelsOf(files.train.rows),
    sha256: hashOfRows([facts(files.train), facts(files.validation)]),
    together: once(() => similarTexts(files.train.rows.map(({ text }) => text))),
  };
}

async function openTags(
  job: TextJob,
  data: JobData<TagFile>,
): Promise<Task<TagFile, TagRows, TagProbe, TagOutcome>> {
  const { labels } = data;
  // Released here where a later one doesn't open.
  await using opened = new AsyncDisposableStack();
  const backbone = opened.use(sharedSessions(job.backbone));
  const { manifest, tokenizer } = backbone;
  const { config } = manifest;
  const { hiddenSize, layers, heads, headDim } = config;
  const settings = textSettings(job, data.train.count, chooseTagSettings);
  const firstLayer = settings?.firstLayer ?? defaultFirstLayer(layers);
  const cut = settings && cutOf(promptSite(settings, manifest).site);
  const sessions = await openFrozenSessions(backbone, firstLayer, cut, "tokens");
  opened.defer(() => sessions.release());
  const { linear, lower, plain } = sessions;
  const kept = opened.move();

  const prepare = async (file: TagFile, onProgress: (share: number) => void = () => {}): Promise<TagRows> => {
    const words = file.rows.map((row) => taggedWords(tokenizer, row));
    const ids = words.map((each) => each.ids);
    const store = await HiddenStore.compute(backbone, lower, ids, {
      onProgress: (done) => onProgress(done / Math.max(1, file.count)),
    });
    const firsts = words.map((each) => each.firsts);
    const all = await embedWords(plain, { store, firsts }, hiddenSize);
    let at = 0;
    const vectors = firsts.map((first) => {
      const start = at;
      at += hiddenSize * first.filter((token) => token >= 0).length;
      return all.subarray(start, at);
    });
    return {
      ...file,
      store,
      firsts,
      tags: words.map((each) => Int32Array.from(each.tags, (tag) => labels.indexOf(tag))),
      wordTags: words.map((each) => each.tags),
      wordOfToken: words.map((each) => each.wordOfToken),
      vectors,
      truncatedRows: words.filter(({ truncated }) => truncated).length,
    };
  };
  const outcomesOf = async (
    rows: TagRows,
    vectors: Float32Array,
    head: LinearHead,
  ): Promise<TagOutcome[]> => {
    const answered = await answerTags(linear, vectors, rows.firsts, labels, head);
    return answered.map((tags, row) => {
      const { text, tokens, tags: expected } = rows.rows[row] as RowOfTask["tagging"];
      return { text, tokens, expected, answered: tagsOfTokens(rows.wordOfToken[row] as Int32Array, tags) };
    });
  };
  const throughPrompt = async (site: UpperSite, prompt: Feeds, rows: TagRows) => {
    const upper = await backbone.open({ kind: "upper", site, wanted: "tokens" });
    try {
      return await embedWords(upper, rows, hiddenSize, prompt);
    } finally {
      await upper.release();
    }
  };
  const probed = (rows: TagRows) => ({ firsts: rows.firsts, tags: rows.tags, vectors: joined(rows.vectors) });

  return {
    backbone: manifest,
    settings,
    baselines: [{ name: PROBE, title: "linear probe" }],
    heads: [PROBE],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),

    prepareTraining: prepare,
    prepare,
    holding: { strataOf: ({ count }) => new Int32Array(count), pick: pickTexts },

    fit: (rows, like) => fitTagProbe(linear, probed(rows), labels, job.seed, like),
    answerBaselines: async ({ head }, rows) => ({
      [PROBE]: await outcomesOf(rows, joined(rows.vectors), head),
    }),

    learntRows: ({ count }) => count,
    runFacts: (train, validation) => [train.wordTags, validation?.wordTags],
    async learn({ train, validation, epochs, settings: candidate, ...run }) {
      const own = { ...(settings as TuneSettings), ...candidate, epochs };
      const taskOn = async (vectors: Float32Array) => {
        const { head } = await fitTagProbe(linear, { ...train, vectors }, labels, job.seed, { C: START_C });
        return learnTags(backbone, own, train, head);
      };
      const start = promptStart(job, own, { labels: spanNames(labels) });
      return runTuning({
        ...run,
        settings: own,
        ...throughOf(job),
        ...(start && {
          async start(random) {
            const prompt = await start(random);
            const site = promptSite(own, manifest);
            const vectors = await throughPrompt(site.site, promptFeed(site, prompt), train);
            return { prompt, head: (await taskOn(vectors)).head };
          },
        }),
        task: await taskOn(joined(train.vectors)),
        ...(validation
          ? {
              validation: spanF1(backbone, own, linear, labels, {
                ...validation,
                expected: validation.wordTags,
              }),
            }
          : {}),
      });
    },
    async answerRun({ prompt, head }, rows) {
      const own = settings as TuneSettings;
      const site = promptSite(own, manifest);
      const vectors = await throughPrompt(site.site, promptFeed(site, prompt), rows);
      return outcomesOf(rows, vectors, learntHead(head as TagNumbers, own.temperature));
    },

    score: spanScore,
    judge: (asked, rivals) =>
      judgeRows(asked, rivals, {
        title: "span F1",
        rows: "texts",
        of: (outcomes) => spanScore(outcomes).figures.f1 as number,
        ofRow: scoreOfText,
      }),

    async publish({ kind, tuned, fitted, receipt }) {
      const isTuned = kind === TUNED && tuned !== undefined && settings !== undefined;
      const numbers = isTuned
        ? learntHead(tuned.head as TagNumbers, settings.temperature)
        : (fitted as TagProbe).head;
      const head: Head = { kind: "linear", scale: 1, ...numbers };
      const { id, identity, licence, precision } = manifest;
      const shared = {
        format: "kilotune.prompt/1",
        task: "tagging",
        labels: [...labels],
        backbone: { id, ...identity, licence, layers, hiddenSize, heads, headDim },
        head: { kind: head.kind, scale: head.scale },
        calibration: { temperature: 1 },
        maxTokens: manifest.maxTokens,
        storage: job.storage ?? "float16",
        ...(precision === "int8" && { precision }),
        receipt: { ...receipt, settings: isTuned ? { ...settings, epochs: tuned.epoch } : {} },
        metrics: {},
      };
      const part = isTuned ? await learntPart(backbone, settings, tuned.prompt) : undefined;
      return roundToStorage(withPart(part, shared, head) as unknown as Prompt, job.storage ?? "float16");
    },
    async answer(prompt, rows) {
      const { weight, bias, scale } = prompt.head as Extract<Head, { kind: "linear" }>;
      const head = { weight: weight.map((number) => number * scale), bias };
      if (prompt.method === "head") return outcomesOf(rows, joined(rows.vectors), head);
      const { site, feeds } = siteOfPrompt(prompt, firstLayer);
      return outcomesOf(rows, await throughPrompt(site, feeds, rows), head);
    },

    findings: async (outcomes) => ({ task: "tagging", evaluation: spanFindings(outcomes) }),
    facts: ({ train, fitted, run }) => ({
      labelRows: labels.map((label) => train.wordTags.flat().filter((tag) => tag === label).length),
      truncatedRows: train.truncatedRows,
      settings: { probeC: fitted.C },
      titles: {},
      sizes: { [PROBE]: 2 * labels.length * (hiddenSize + 1) },
      trainableParameters: labels.length * (hiddenSize + 1) + (run?.prompt.length ?? 0),
      notes: { first: [], last: [] },
    }),
    tokensIn: ({ store }) => tokensOf(store),
  };
}

type TagNumbers = Readonly<Record<"weight" | "bias", Float32Array>>;

/** Of what the tags' spans are: "B-city", "I-city", "O" -> "city" */
function spanNames(labels: readonly string[]): string[] {
  const names = labels.filter((label) => label !== "O").map((label) => readableName(label.slice(2)));
  return [...new Set(names)];
}

function pickTexts(rows: TagRows, wanted: readonly number[]): TagRows {
  const picked = <T>(values: readonly T[]) => wanted.map((row) => values[row] as T);
  return {
    ...rows,
    count: wanted.length,
    rows: picked(rows.rows),
    store: rows.store.subset(wanted),
    firsts: picked(rows.firsts),
    tags: picked(rows.tags),
    wordTags: picked(rows.wordTags),
    wordOfToken: picked(rows.wordOfToken),
    vectors: picked(rows.vectors),
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
