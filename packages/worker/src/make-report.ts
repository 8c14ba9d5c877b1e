import {
  type AttentionMaps,
  type Candidate,
  type CrossValidation,
  METHOD_TITLES,
  type ReportFindings,
  type Score,
  type TuneReport,
} from "@kilotune/contract";
import type { StoredPrompt } from "@kilotune/prompt";
import type { LoopSettings, RunResult } from "@kilotune/tuner";
import { type FullTuning, fullTuningWords } from "./full-tuning.ts";
import type { TuneJob } from "./job.ts";
import { type Selection, TUNED } from "./select.ts";
import type { Baseline, JobData, RowsOf, Shown, TaskFacts } from "./task.ts";

/** Name of full fine-tuning among the candidates. */
export const FULL = "full";
export const FULL_TITLE = "full fine-tuning";

export interface JobFindings<Outcome> {
  readonly job: TuneJob;
  readonly data: JobData<RowsOf>;
  readonly trainRows: number;
  readonly facts: TaskFacts;
  /** Of the run that is published. */
  readonly settings: LoopSettings | undefined;
  readonly selection: Selection<Outcome>;
  readonly published: string;
  readonly final: RunResult | undefined;
  readonly full?: FullTuning<unknown> | undefined;
  readonly crossValidation?: CrossValidation | undefined;
  readonly heldOutSource: string;
  readonly stored: StoredPrompt;
  readonly findings: ReportFindings;
  readonly attention: AttentionMaps | undefined;
  readonly tested: Measured<Outcome> | undefined;
  readonly others: readonly Measured<Outcome>[];
  readonly timings: readonly { readonly name: string; readonly seconds: number }[];
  readonly createdAt: Date;
}

/** What the published prompt, and each baseline beside it, makes of one labelled file. */
export interface Measured<Outcome> {
  readonly name: string;
  readonly score: Score;
  readonly baselines: Readonly<Record<string, Score>>;
  readonly outcomes: readonly Outcome[];
}

/** What a job found out, as the data that the HTML report, the command line and the API show. */
export function makeReport<Outcome>(
  { backbone, baselines, heads }: Shown,
  found: JobFindings<Outcome>,
): TuneReport {
  const { job, data, facts, settings, selection, final, stored, others } = found;
  const { prompt } = stored;
  const { evaluation, ...findings } = found.findings;
  return {
    title: job.title ?? `${job.train.name}, ${data.labels.length} labels`,
    createdAt: found.createdAt.toISOString(),
    backbone: {
      id: backbone.id,
      weightsSha256: backbone.identity.weightsSha256,
      licence: backbone.licence,
      layers: backbone.config.layers,
      hiddenSize: backbone.config.hiddenSize,
    },
    data: {
      trainRows: found.trainRows,
      heldOut: { rows: selection.rows, source: found.heldOutSource },
      testRows: data.test?.count ?? 0,
      labels: data.labels.map((name, at) => ({ name, rows: facts.labelRows[at] as number })),
      truncatedRows: facts.truncatedRows,
    },
    settings: {
      ...settings,
      ...facts.settings,
      ...(backbone.precision === "int8" && { precision: backbone.precision }),
      seed: job.seed,
    },
    curve: selection.curve.length > 0 ? selection.curve : (final?.curve ?? []),
    ...(found.crossValidation && { crossValidation: found.crossValidation }),
    candidates: candidates(baselines, heads[0], found),
    verdict: verdictOf(selection),
    evaluation,
    ...findings,
    ...(found.attention && { attention: found.attention }),
    otherTests: others.map(({ name, score, baselines: rivals }) => ({
      name,
      rows: score.rows,
      published: score,
      ...(rivals.linearProbe && { linearProbe: rivals.linearProbe }),
    })),
    prompt: {
      path: job.out,
      id: stored.id,
      sizeBytes: stored.sizeBytes,
      method: prompt.method,
      tokens: tokensOf(prompt),
      trainableParameters: facts.trainableParameters,
    },
    timings: found.timings,
    notes: notes(baselines, found),
  } as TuneReport;
}

/** Of LoRA its rank, of biases and of channels how many. */
function tokensOf(prompt: StoredPrompt["prompt"]): number {
  if (prompt.method === "head") return 0;
  if (prompt.method === "bias") return prompt.bias.data.length;
  if (prompt.method === "channels") return prompt.manifest.sites.channels;
  if (prompt.method === "border") return prompt.manifest.sites.width;
  return prompt.method === "lora" ? prompt.manifest.sites.rank : prompt.manifest.sites.tokens;
}

function candidates<Outcome>(
  baselines: readonly Baseline[],
  ownHead: string | undefined,
  { job, facts, selection, published, final, stored, tested, settings, full }: JobFindings<Outcome>,
): Candidate[] {
  // A head that was asked for is a baseline by another name; it stands among the methods.
  const twin = settings === undefined ? ownHead : undefined;
  const rows: Candidate[] = baselines.map(({ name, title }) => ({
    name,
    title: facts.titles[name] ?? title,
    heldOut: selection.scores[name] ?? null,
    // Of what is published as its file has it.
    test: (published === name ? tested?.score : tested?.baselines[name]) ?? null,
    sizeBytes: published === name ? stored.sizeBytes : (facts.sizes[name] as number),
    published: published === name && name !== twin,
  }));
  const asked = job.method;
  // A file holds of a deep token its key and its value.
  const more = asked === "deep" ? ((selection.run ?? final)?.prompt.length ?? 0) : 0;
  const own = published === TUNED || published === twin;
  if (full !== undefined)
    rows.push({
      name: FULL,
      title: FULL_TITLE,
      heldOut: full.heldOut,
      test: tested?.baselines[FULL] ?? null,
      sizeBytes: full.weights * 2,
      published: false,
    });
  rows.push({
    name: asked,
    title: METHOD_TITLES[asked],
    heldOut: selection.scores[asked] ?? null,
    test: own ? (tested?.score ?? null) : null,
    sizeBytes: own ? stored.sizeBytes : (facts.trainableParameters + more) * 2,
    published: own,
  });
  return rows;
}

function verdictOf({ verdict }: Selection<unknown>): TuneReport["verdict"] {
  const { best, margin, significant, pValue, words } = verdict;
  return { best, margin, significant, pValue, words };
}

function notes<Outcome>(
  baselines: readonly Baseline[],
  { data, facts, selection, published, full }: JobFindings<Outcome>,
): string[] {
  const words: string[] = [];
  if (published !== selection.publish) {
    const title = baselines.find(({ name }) => name === published)?.title;
    words.push(`The last run, on all rows, diverged, so a ${title} is published.`);
  }
  words.push(...facts.notes.first);
  if (data.test === undefined) {
    words.push(
      `There is no test file: answers are those on ${selection.rows} held-out rows by models that had not seen them.`,
    );
  }
  if (full !== undefined) words.push(fullTuningWords(full));
  return [...words, ...facts.notes.last];
}
