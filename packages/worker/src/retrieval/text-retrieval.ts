import { KilotuneError } from "@kilotune/contract";
import { joinSimilarTexts, RowGroups, type RowOfTask } from "@kilotune/dataset";
import {
  areManyOfAGroup,
  chooseRetrievalSettings,
  type LearningTask,
  textRetrieval as learnVectors,
  retrievalPrecision,
  runTuning,
  type TuneSettings,
  textProxies,
} from "@kilotune/tuner";
import { pickTexts, type ReadTexts, type TextRows } from "../classes/prepare.ts";
import type { TextJob } from "../job.ts";
import { mapFiles } from "../map-files.ts";
import { once } from "../once.ts";
import type { JobData, RowsOf, Task, TaskPlan } from "../task.ts";
import { hashOfRows, type RowsOfFile, readTextFiles } from "../texts/read-texts.ts";
import { textSettings } from "../texts/text-settings.ts";
import { openTextVectors } from "../texts/text-vectors.ts";
import { tokensOf } from "../tokens-of.ts";
import {
  type Findable,
  judgeRanks,
  outcomesOfVectors,
  type RankOutcome,
  rankFindings,
  scoreRanks,
} from "./outcome.ts";

interface PairFile extends RowsOf, Findable {}

interface PairRows extends RowsOf, Findable {
  /** Of all queries, then of all positives. */
  readonly texts: TextRows;
}

const FROZEN = "frozen";

/** Texts that find one another: queries, and texts that answer them. */
export function textRetrieval(job: TextJob): TaskPlan<PairFile, PairRows, object, RankOutcome> {
  return {
    async read(emit) {
      const files = await readTextFiles(job, "retrieval", emit);
      const facts = (file: typeof files.validation) =>
        file?.rows.map(({ query, positive }) => [query, positive]);
      return {
        labels: [],
        ...mapFiles(files, pairFile),
        sha256: hashOfRows([facts(files.train), facts(files.validation)]),
        together: once(() => similarPairs(files.train.rows)),
      };
    },
    open: (data) => openPairs(job, data),
  };
}

function pairFile({ name, rows }: RowsOfFile<RowOfTask["retrieval"]>): PairFile {
  return { name, count: rows.length, ...findable(rows) };
}

/** Rows of the same query, or the same text that answers it, are of one group. */
export function findable(rows: readonly { readonly query: string; readonly positive: string }[]): Findable {
  const groups = new RowGroups(rows.length);
  const [queries, positives] = [new Map<string, number>(), new Map<string, number>()];
  rows.forEach(({ query, positive }, row) => {
    groups.joinByKey(queries, query, row);
    groups.joinByKey(positives, positive, row);
  });
  return {
    queries: rows.map(({ query }) => query),
    positives: rows.map(({ positive }) => positive),
    groups: groups.numbers(),
  };
}

/** Rows of nearly the same query, or nearly the same text that answers it. */
function similarPairs(rows: readonly RowOfTask["retrieval"][]): Int32Array {
  const groups = new RowGroups(rows.length);
  for (const texts of [rows.map(({ query }) => query), rows.map(({ positive }) => positive)])
    joinSimilarTexts(groups, texts);
  return groups.numbers();
}

async function openPairs(
  job: TextJob,
  data: JobData<PairFile>,
): Promise<Task<PairFile, PairRows, object, RankOutcome>> {
  const byProxies = areManyOfAGroup(data.train.groups);
  const settings = textSettings(job, data.train.count, (manifest, about) =>
    chooseRetrievalSettings(manifest, { ...about, byProxies }),
  );
  if (settings === undefined)
    throw new KilotuneError(
      "unsupported_method",
      "retrieval: expected the method kv, soft, lora or bias, saw head",
      "Choose lora, the default: vectors have no head.",
      { kind: "usage" },
    );
  const vectors = await openTextVectors(job, settings);
  const { backbone } = vectors;
  const { manifest } = backbone;

  const prepare = async (file: PairFile, onProgress?: (share: number) => void): Promise<PairRows> => {
    const texts: ReadTexts = {
      name: file.name,
      count: 2 * file.count,
      texts: [...file.queries, ...file.positives],
    };
    return { ...file, texts: await vectors.prepare(texts, onProgress) };
  };
  const pick = (rows: PairRows, wanted: readonly number[]): PairRows => {
    const picked = <T>(values: readonly T[]) => wanted.map((row) => values[row] as T);
    return {
      name: rows.name,
      count: wanted.length,
      queries: picked(rows.queries),
      positives: picked(rows.positives),
      groups: Int32Array.from(wanted, (row) => rows.groups[row] as number),
      texts: pickTexts(rows.texts, [...wanted, ...wanted.map((row) => rows.count + row)]),
    };
  };
  const sides = ({ texts, count, groups }: PairRows) => {
    const from = (start: number) => Array.from({ length: count }, (_, row) => start + row);
    return {
      queries: { store: texts.store.subset(from(0)), groups },
      found: { store: texts.store.subset(from(count)), groups },
    };
  };

  return {
    backbone: manifest,
    settings,
    baselines: [{ name: FROZEN, title: "frozen backbone" }],
    // The plain backbone is nothing that a file could hold.
    heads: [],
    [Symbol.asyncDispose]: () => vectors[Symbol.asyncDispose](),

    prepareTraining: prepare,
    prepare,
    holding: { strataOf: ({ count }) => new Int32Array(count), pick },

    fit: async () => ({}),
    answerBaselines: async (_, rows) => ({ [FROZEN]: outcomesOfVectors(rows, rows.texts.vectors) }),

    // By proxies a text at a time, else with what answers it.
    learntRows: ({ count }) => (byProxies ? 2 * count : count),
    runFacts: (train, validation) => [[...train.groups], validation && [...validation.groups]],
    learn({ train, validation, epochs, settings: candidate, ...run }) {
      const own: TuneSettings = { ...settings, ...candidate, epochs };
      const { count, groups, texts } = train;
      const rows = {
        store: texts.store,
        texts: Array.from({ length: count }, (_, row) => [row, count + row]),
        groups: Int32Array.from([...groups, ...groups]),
      };
      const measured = validation && sides(validation);
      const taskOn = (frozen: Float32Array): LearningTask =>
        byProxies ? textProxies(backbone, own, rows, frozen) : learnVectors(backbone, own, rows);
      return runTuning({
        ...run,
        settings: own,
        ...vectors.beginOf(own, texts, {}, taskOn),
        task: taskOn(texts.vectors),
        ...(measured && {
          validation: retrievalPrecision(backbone, own, measured.queries, measured.found),
        }),
      });
    },
    answerRun: async (run, rows) => outcomesOfVectors(rows, await vectors.vectorsOf(run, rows.texts)),

    score: scoreRanks,
    judge: judgeRanks,

    publish: ({ tuned, receipt }) =>
      vectors.publish(
        { task: "retrieval", labels: [], calibration: {} },
        { kind: "none" },
        { tuned, receipt },
      ),
    answer: async (prompt, rows) =>
      outcomesOfVectors(rows, await vectors.vectorsOfPrompt(prompt, rows.texts)),

    findings: async (outcomes) => ({ task: "retrieval", evaluation: rankFindings(outcomes) }),
    facts: ({ train, run }) => ({
      labelRows: [],
      truncatedRows: train.texts.truncatedRows,
      settings: {},
      titles: {},
      sizes: { [FROZEN]: 0 },
      trainableParameters: run?.prompt.length ?? vectors.promptNumbers,
      notes: { first: [], last: [] },
    }),
    tokensIn: ({ texts }) => tokensOf(texts.store),
  };
}
