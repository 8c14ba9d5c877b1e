import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { type ComparedMethod, KilotuneError, mainFigure, type TuneReport } from "@kilotune/contract";
import { type LabelledTexts, readData } from "../classes/read-data.ts";
import { assertFullyTunable } from "../classes/text-classification.ts";
import { interrupted } from "../interrupted.ts";
import type { DataSource, JobHooks, TextJob } from "../job.ts";
import type { JobData } from "../task.ts";
import { CODE_VERSION } from "../version.ts";
import { forget, type Kept, keep, keptOf } from "./kept.ts";
import { measureFrozen } from "./measure-frozen.ts";
import { measureJob } from "./measure-job.ts";

/** What needs no tuning, a head alone, prompts, and all weights: the later, the more it costs. */
export const COMPARED = [
  "zero-shot",
  "few-shot",
  "linear-probe",
  "soft",
  "kv",
  "lora",
  "bias",
  "full",
] as const;
export type ComparedName = (typeof COMPARED)[number];

export interface Comparison
  extends Pick<TextJob, "backbone" | "train" | "validation" | "shots" | "epochs" | "seed" | "title"> {
  readonly test: DataSource;
  readonly methods: readonly ComparedName[];
  /** Made where it isn't there: a prompt of each method that has one, and what was measured, as soon as it was. */
  readonly folder: string;
  /** Goes on from what the very same comparison left in the folder. */
  readonly resume: boolean;
}

export interface CompareHooks extends JobHooks {
  /** `known`: from an earlier run in the same folder. */
  onMethod?(
    method: ComparedMethod,
    done: { readonly at: number; readonly of: number; readonly known: boolean },
  ): void;
}

export interface CompareResult {
  /** In the order of COMPARED. */
  readonly methods: readonly ComparedMethod[];
  /** The prompts' files, by method. */
  readonly files: Readonly<Partial<Record<ComparedName, string>>>;
  /** Of the best of those that left a file; undefined where none was asked for that does. */
  readonly report: TuneReport | undefined;
}

/** Whether a method leaves a prompt's file. */
export function leavesFile(name: ComparedName): boolean {
  return name !== "zero-shot" && name !== "few-shot" && name !== "full";
}

/**
 * Measures each method on the same held-out and test rows of texts with one label each, whatever the verdict on it is. A
 * method's test rows are answered once, and choose nothing.
 *
 * @throws KilotuneError `nothing_to_compare`, `not_tunable` before anything is measured; `interrupted`; as runTuneJob
 */
export async function runComparison(asked: Comparison, hooks: CompareHooks = {}): Promise<CompareResult> {
  if (asked.methods.includes("full")) assertFullyTunable(asked.backbone);
  const emit = hooks.onEvent ?? (() => {});
  const data = await readData(jobOf(asked, "frozen"), emit);
  const names = COMPARED.filter((name) => asked.methods.includes(name) && !isIdle(name, data));
  if (asked.methods.some((name) => isIdle(name, data)))
    emit({
      kind: "note",
      words: "zero-shot is left out: a label's name doesn't say how two texts go together",
    });
  if (names.length === 0)
    throw new KilotuneError(
      "nothing_to_compare",
      "expected a method that these rows can be answered by, saw none",
      "Name other methods, such as few-shot or kv.",
      { kind: "usage" },
    );
  await mkdir(asked.folder, { recursive: true });
  const runs = new Set(names.map(runOf));
  if (!asked.resume) for (const run of runs) await forget(jobOf(asked, run));
  return measureAll(asked, names, keyOf(asked, data), hooks);
}

async function measureAll(
  asked: Comparison,
  names: readonly ComparedName[],
  key: string,
  hooks: CompareHooks,
): Promise<CompareResult> {
  // What the linter says of the files was told already.
  const quiet: JobHooks = {
    ...hooks,
    onEvent: (event) => (event.kind === "lint" ? undefined : hooks.onEvent?.(event)),
  };
  const found = new Map<Run, { readonly kept: Kept; readonly known: boolean }>();
  const methods: ComparedMethod[] = [];
  for (const name of names) {
    if (hooks.signal?.aborted) throw interrupted(`stopped before ${name}`);
    const run = runOf(name);
    const wanted = names.filter((each) => runOf(each) === run);
    const here = found.get(run) ?? (await runIn(asked, run, wanted, key, quiet));
    found.set(run, here);
    const method = methodOf(here.kept, name) as ComparedMethod;
    methods.push(method);
    hooks.onMethod?.(method, { at: methods.length, of: names.length, known: here.known });
  }
  const report = bestReport([...found.values()].flatMap(({ kept }) => kept.report ?? []));
  const files = names.filter(leavesFile).map((name) => [name, jobOf(asked, runOf(name)).out]);
  return {
    methods,
    files: Object.fromEntries(files),
    report: report && { ...report, comparison: methods },
  };
}

/** What is known of a run already, or what it finds out now. */
async function runIn(
  asked: Comparison,
  run: Run,
  wanted: readonly ComparedName[],
  key: string,
  hooks: JobHooks,
): Promise<{ readonly kept: Kept; readonly known: boolean }> {
  const job = jobOf(asked, run);
  const kept = await keptOf(job, key);
  if (kept !== undefined && wanted.every((name) => methodOf(kept, name))) return { kept, known: true };
  const measured = run === "frozen" ? await measureFrozen(job, hooks) : await measureJob(job, run, hooks);
  await keep(job, key, measured);
  return { kept: measured, known: false };
}

function methodOf({ methods }: Kept, name: ComparedName): ComparedMethod | undefined {
  return methods.find((each) => each.name === name);
}

/** Of the file that is best on held-out rows. */
function bestReport(reports: readonly TuneReport[]): TuneReport | undefined {
  const value = ({ candidates }: TuneReport) => {
    const score = candidates.find(({ published }) => published)?.heldOut;
    return score && score.rows > 0 ? mainFigure(score).value : -1;
  };
  return reports.toSorted((a, b) => value(b) - value(a))[0];
}

type Run = "frozen" | Exclude<ComparedName, "zero-shot" | "few-shot">;

/** What stands on the frozen backbone's vectors alone is measured in one go. */
function runOf(name: ComparedName): Run {
  return name === "zero-shot" || name === "few-shot" ? "frozen" : name;
}

function isIdle(name: ComparedName, { train }: JobData<LabelledTexts>): boolean {
  return name === "zero-shot" && train.pairs !== undefined;
}

function jobOf({ methods: _, folder, ...asked }: Comparison, run: Run): TextJob {
  const out = path.join(folder, `${run}.safetensors`);
  return {
    ...asked,
    method: run === "frozen" || run === "linear-probe" || run === "full" ? "head" : run,
    publishAsked: true,
    ...(run === "full" ? { fullTuning: true } : {}),
    out,
    checkpoints: `${out}.checkpoint`,
  };
}

/** All that figures depend on. */
function keyOf(
  { backbone, train, test, validation, shots, epochs, seed, title }: Comparison,
  data: JobData<LabelledTexts>,
): string {
  const { identity, precision } = backbone.manifest;
  const names = [train.name, validation?.name, test.name, title];
  const tested = data.test && [data.test.texts, [...data.test.labels], data.test.pairs];
  const asked = [identity, precision, shots, epochs, seed];
  return createHash("sha256")
    .update(JSON.stringify([CODE_VERSION, names, asked, data.sha256, tested]))
    .digest("hex");
}
