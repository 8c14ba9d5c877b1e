import type { Calibration, Candidate, Evaluation, Score, TuneReport } from "@kilotune/contract";
import type { StoredPrompt } from "@kilotune/prompt";
import type { BaselineName, Baselines, RunResult, TuneSettings } from "@kilotune/tuner";
import type { TuneJob } from "./job.ts";
import type { PreparedRows } from "./prepare.ts";
import { settingsRecord } from "./publish.ts";
import type { JobData } from "./read-data.ts";
import type { PublishedKind, Selection } from "./select.ts";
import { BASELINES, TITLES } from "./titles.ts";

export interface JobFindings {
  readonly job: TuneJob;
  readonly data: JobData;
  readonly train: PreparedRows;
  readonly baselines: Baselines;
  readonly settings: TuneSettings | undefined;
  readonly selection: Selection;
  readonly published: PublishedKind;
  readonly final: RunResult | undefined;
  readonly heldOutSource: string;
  readonly usedNames: boolean;
  readonly stored: StoredPrompt;
  readonly assessed: { readonly evaluation: Evaluation; readonly calibration: Calibration };
  readonly tested: { readonly scores: Readonly<Record<BaselineName, Score>> } | undefined;
  readonly testScore: Score | undefined;
  readonly others: readonly {
    readonly name: string;
    readonly scores: Readonly<Record<BaselineName, Score>>;
    readonly assessed: { readonly evaluation: Evaluation };
    readonly score: Score;
  }[];
  readonly timings: readonly { readonly name: string; readonly seconds: number }[];
  readonly createdAt: Date;
}

/** What a job found out, as the data that the HTML report, the command line and the API show. */
export function makeReport(found: JobFindings): TuneReport {
  const { job, data, train, settings, selection, published, final, stored, assessed, others } = found;
  const { manifest } = job.backbone;
  const { prompt } = stored;
  return {
    title: job.title ?? `${job.train.name}, ${data.labels.length} labels`,
    createdAt: found.createdAt.toISOString(),
    backbone: {
      id: manifest.id,
      weightsSha256: manifest.identity.weightsSha256,
      licence: manifest.licence,
      layers: manifest.config.layers,
      hiddenSize: manifest.config.hiddenSize,
    },
    data: {
      trainRows: train.labels.length,
      heldOut: { rows: selection.heldOut.labels.length, source: found.heldOutSource },
      testRows: data.test?.labels.length ?? 0,
      labels: data.labels.map((name, at) => ({
        name,
        rows: train.labels.filter((label) => label === at).length,
      })),
      truncatedRows: train.truncatedRows,
    },
    settings: {
      ...settingsRecord(settings),
      probeC: found.baselines.C,
      neighbours: found.baselines.k,
      seed: job.seed,
    },
    curve: selection.curve.length > 0 ? selection.curve : (final?.curve ?? []),
    candidates: candidates(found),
    verdict: verdictOf(selection),
    evaluation: assessed.evaluation,
    calibration: assessed.calibration,
    otherTests: others.map(({ name, score, scores }) => ({
      name,
      rows: score.rows,
      published: score,
      linearProbe: scores.linearProbe,
    })),
    prompt: {
      path: job.out,
      id: stored.id,
      sizeBytes: stored.sizeBytes,
      method: prompt.method,
      tokens: prompt.method === "head" ? 0 : prompt.manifest.sites.tokens,
      trainableParameters: numbersIn(found),
    },
    timings: found.timings,
    notes: notes(found, published),
  };
}

function candidates(found: JobFindings): Candidate[] {
  const { job, data, train, baselines, selection, published, stored, tested, testScore, settings } = found;
  const { hiddenSize } = job.backbone.manifest.config;
  const classes = data.labels.length;
  // Halves, as a prompt file stores them; neighbours keep the vectors of all rows.
  const sizes: Record<BaselineName, number> = {
    majority: new TextEncoder().encode(data.labels[baselines.majority]).length,
    classMean: classes * hiddenSize * 2,
    knn: train.labels.length * hiddenSize * 2,
    linearProbe: classes * (hiddenSize + 1) * 2,
  };
  const rows: Candidate[] = BASELINES.map((name) => ({
    name,
    title: name === "knn" ? `${baselines.k} ${TITLES.knn}` : TITLES[name],
    heldOut: selection.scores[name] ?? null,
    test: tested?.scores[name] ?? null,
    sizeBytes: published === name ? stored.sizeBytes : sizes[name],
    published: published === name && settings !== undefined,
  }));
  const asked = job.method;
  const own = published === "tuned" || settings === undefined;
  rows.push({
    name: asked,
    title: TITLES[asked],
    heldOut: selection.scores[asked] ?? null,
    test: own ? (testScore ?? null) : null,
    sizeBytes: own ? stored.sizeBytes : numbersIn(found) * 2,
    published: own,
  });
  return rows;
}

function verdictOf({ verdict }: Selection): TuneReport["verdict"] {
  const { best, margin, significant, pValue, words } = verdict;
  return { best, margin, significant, pValue, words };
}

/** Numbers that the asked method learns: the prompt's and the head's. */
function numbersIn({ job, data, settings, selection }: JobFindings): number {
  const { hiddenSize, layers } = job.backbone.manifest.config;
  const head = data.labels.length * hiddenSize;
  if (settings === undefined) return head + data.labels.length;
  return (
    head + (selection.run?.prompt.length ?? 2 * (layers - settings.firstLayer) * settings.tokens * hiddenSize)
  );
}

function notes(found: JobFindings, published: PublishedKind): string[] {
  const { data, train, usedNames, selection, settings } = found;
  const words: string[] = [];
  if (settings !== undefined && published !== "tuned") {
    words.push(`A ${TITLES[published]} is published, since the prompt did not pay on the held-out rows.`);
  }
  if (usedNames) words.push("The labels' own words were learnt along, at half the weight of a row.");
  if (train.truncatedRows > 0)
    words.push(`${train.truncatedRows} training rows are longer than the backbone reads and were cut.`);
  if (data.test === undefined) {
    words.push(
      `There is no test file: answers are those on ${selection.heldOut.labels.length} held-out rows by models that had not seen them.`,
    );
  }
  const strangers = data.test?.labels.filter((label) => label < 0).length ?? 0;
  if (strangers > 0)
    words.push(`${strangers} test rows have a label that no training row has; they count as wrong.`);
  return words;
}
