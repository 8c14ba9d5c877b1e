import type { Candidate, TuneReport } from "@kilotune/contract";
import type { BaselineName, Baselines, RunResult, TuneSettings } from "@kilotune/tuner";
import type { Assessment } from "./evaluate.ts";
import type { TuneJob } from "./job.ts";
import type { Measured } from "./measure.ts";
import type { PreparedRows } from "./prepare.ts";
import { type PublishedPrompt, settingsRecord } from "./publish.ts";
import type { JobData, LabelledTexts } from "./read-data.ts";
import type { PublishedHead, PublishedKind, Selection } from "./select.ts";
import { BASELINES, TITLES } from "./titles.ts";

export interface JobFindings {
  readonly job: TuneJob;
  readonly data: JobData;
  readonly train: PreparedRows;
  readonly baselines: Baselines;
  readonly settings: TuneSettings | undefined;
  readonly selection: Selection;
  readonly published: PublishedKind;
  readonly final: RunResult<"prototypes"> | undefined;
  readonly heldOutSource: string;
  readonly usedNames: boolean;
  readonly stored: PublishedPrompt;
  readonly assessed: Assessment;
  readonly tested: Measured | undefined;
  readonly others: readonly Measured[];
  readonly timings: readonly { readonly name: string; readonly seconds: number }[];
  readonly createdAt: Date;
}

/** What a job found out, as the data that the HTML report, the command line and the API show. */
export function makeReport(found: JobFindings): TuneReport {
  const { job, data, train, settings, selection, final, stored, assessed, others } = found;
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
    otherTests: others.map(({ name, score, baselines }) => ({
      name,
      rows: score.rows,
      published: score,
      linearProbe: baselines.linearProbe,
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
    notes: notes(found),
  };
}

function candidates(found: JobFindings): Candidate[] {
  const { job, data, train, baselines, selection, published, stored, tested, settings } = found;
  const { hiddenSize } = job.backbone.manifest.config;
  const classes = data.labels.length;
  // Halves, as a prompt file stores them; neighbours keep the vectors of all rows.
  const sizes: Record<BaselineName, number> = {
    majority: new TextEncoder().encode(data.labels[baselines.majority]).length,
    classMean: classes * hiddenSize * 2,
    knn: train.labels.length * hiddenSize * 2,
    linearProbe: classes * (hiddenSize + 1) * 2,
  };
  // A linear head that was asked for is the linear probe by another name; it stands among the methods.
  const twin = settings === undefined ? "linearProbe" : undefined;
  const rows: Candidate[] = BASELINES.map((name) => ({
    name,
    title: name === "knn" ? `${baselines.k} ${TITLES.knn}` : TITLES[name],
    heldOut: selection.scores[name] ?? null,
    test: tested?.baselines[name] ?? null,
    sizeBytes: published === name ? stored.sizeBytes : sizes[name],
    published: published === name && name !== twin,
  }));
  const asked = job.method;
  const own = published === "tuned" || published === twin;
  rows.push({
    name: asked,
    title: TITLES[asked],
    heldOut: selection.scores[asked] ?? null,
    test: own ? (tested?.score ?? null) : null,
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

function notes({ data, train, usedNames, selection, published }: JobFindings): string[] {
  const words: string[] = [];
  if (published !== selection.publish)
    words.push(
      `The last run, on all rows, diverged, so a ${TITLES[published as PublishedHead]} is published.`,
    );
  if (usedNames) words.push("The labels' own words were learnt along, at half the weight of a row.");
  if (train.truncatedRows > 0)
    words.push(`Training rows longer than the backbone reads, and cut: ${train.truncatedRows}.`);
  if (data.test === undefined) {
    words.push(
      `There is no test file: answers are those on ${selection.heldOut.labels.length} held-out rows by models that had not seen them.`,
    );
  }
  const left = strangers(data.validation);
  if (left > 0)
    words.push(
      `Rows of ${data.validation?.name} with a label that no training row has: ${left}; they were left out.`,
    );
  const wrong = strangers(data.test);
  if (wrong > 0)
    words.push(
      `Rows of ${data.test?.name} with a label that no training row has: ${wrong}; they count as wrong.`,
    );
  return words;
}

function strangers(file: LabelledTexts | undefined): number {
  return file?.labels.filter((label) => label < 0).length ?? 0;
}
