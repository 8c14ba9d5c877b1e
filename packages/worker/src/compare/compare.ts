import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import {
  bestCompared,
  type ComparedMethod,
  KilotuneError,
  METHOD_SHAPES,
  type TuneReport,
} from "@kilotune/contract";
import { badInit, chooseSettings } from "@kilotune/tuner";
import { askedInit } from "../asked-init.ts";
import { type LabelledTexts, readData } from "../classes/read-data.ts";
import { assertFullyTunable } from "../classes/text-classification.ts";
import { groupsOf } from "../held-out.ts";
import { interrupted } from "../interrupted.ts";
import type { DataSource, JobHooks, PromptInit, TextJob } from "../job.ts";
import type { JobData } from "../task.ts";
import { badReparam, textSettings } from "../texts/text-settings.ts";
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
  "deep",
  "lora",
  "bias",
  "full",
] as const;
export type ComparedName = (typeof COMPARED)[number];

export interface Comparison
  extends Pick<
    TextJob,
    "backbone" | "train" | "validation" | "shots" | "epochs" | "seed" | "title" | "folds" | "reparam"
  > {
  readonly test?: DataSource;
  /** Of those methods that can start so; another prompt is of its own method alone. The rest start as they do without. */
  readonly init?: PromptInit;
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
 * With `folds` each is cross-validated besides, in the same folds.
 * @throws KilotuneError `nothing_to_compare`, `not_tunable`, `bad_init`, `bad_reparam` before anything is measured;
 * `too_few_groups`, `interrupted`; as runTuneJob
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
  assertStarts(asked, names, data.train.count);
  const plain = names.filter(
    (name) => tunedBy(runOf(name)) !== "head" && startOf(asked, runOf(name)) === undefined,
  );
  if (asked.init !== undefined && plain.length > 0)
    emit({ kind: "note", words: `not what --init says, but random numbers: ${plain.join(", ")}` });
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
  const best = bestCompared(methods.filter(({ name }) => leavesFile(name as ComparedName)));
  const leaving = names.find((name) => name === best?.name) ?? names.find(leavesFile);
  const report = leaving && found.get(runOf(leaving))?.kept.report;
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

type Run = "frozen" | Exclude<ComparedName, "zero-shot" | "few-shot">;

/** What stands on the frozen backbone's vectors alone is measured in one go. */
function runOf(name: ComparedName): Run {
  return name === "zero-shot" || name === "few-shot" ? "frozen" : name;
}

function isIdle(name: ComparedName, { train }: JobData<LabelledTexts>): boolean {
  return name === "zero-shot" && train.pairs !== undefined;
}

function tunedBy(run: Run): TextJob["method"] {
  return run === "frozen" || run === "linear-probe" || run === "full" ? "head" : run;
}

function jobOf(asked: Comparison, run: Run): TextJob {
  const { methods: _, init: _some, reparam: _of, folder, ...shared } = asked;
  const out = path.join(folder, `${run}.safetensors`);
  const init = startOf(asked, run);
  const reparam = throughOf(asked, run);
  return {
    ...shared,
    method: tunedBy(run),
    ...(init && { init }),
    ...(reparam && { reparam }),
    publishAsked: true,
    ...(run === "full" ? { fullTuning: true } : {}),
    out,
    checkpoints: `${out}.checkpoint`,
  };
}

/** Virtual tokens can start as words and be learnt through factors; any prompt as another one of its method. */
function startOf({ init }: Comparison, run: Run): PromptInit | undefined {
  if (init?.kind === "prompt") return init.prompt.prompt.method === tunedBy(run) ? init : undefined;
  return standsForTokens(run) ? init : undefined;
}

function throughOf({ reparam }: Comparison, run: Run): TextJob["reparam"] {
  return standsForTokens(run) ? reparam : undefined;
}

function standsForTokens(run: Run): boolean {
  return METHOD_SHAPES[tunedBy(run)].standsForTokens ?? false;
}

/** @throws KilotuneError `bad_init`, `bad_reparam` of any of the methods, or where none takes what was asked for */
function assertStarts(asked: Comparison, names: readonly ComparedName[], trainRows: number): void {
  for (const name of names) textSettings(jobOf(asked, runOf(name)), trainRows, chooseSettings);
  const { init } = asked;
  const seen = names.join(", ");
  if (init !== undefined && !names.some((name) => startOf(asked, runOf(name))))
    throw init.kind === "prompt"
      ? badInit(
          `a prompt of a method among ${seen}`,
          init.prompt.prompt.method,
          "Add its method, or leave it out.",
        )
      : badInit("soft, kv or deep among the methods", seen, "Add one of them, or leave it out.");
  if (asked.reparam !== undefined && !names.some((name) => throughOf(asked, runOf(name))))
    throw badReparam("soft, kv or deep among the methods", seen, "Add one of them, or leave it out.");
}

/** All that figures depend on. */
function keyOf(asked: Comparison, data: JobData<LabelledTexts>): string {
  const { backbone, train, test, validation, shots, epochs, seed, title, folds, init, reparam } = asked;
  const { identity, precision } = backbone.manifest;
  const names = [train.name, validation?.name, test?.name, title];
  const tested = data.test && [data.test.texts, [...data.test.labels], data.test.pairs];
  const settings = [identity, precision, shots, epochs, seed];
  const special = [
    ...((folds ?? init ?? reparam) ? [folds, init && askedInit(init), reparam] : []),
    ...(groupsOf({}, data) ? ["together"] : []),
  ];
  return createHash("sha256")
    .update(JSON.stringify([CODE_VERSION, names, settings, data.sha256, tested, ...special]))
    .digest("hex");
}
