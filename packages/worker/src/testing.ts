import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type ClassificationReport, isClassification } from "@kilotune/contract";
import { randomNumbers, type TinyBackbone, type TinyOptions, tinyBackbone } from "@kilotune/backbone/testing";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { DataSource, JobHooks, JobResult, TextJob } from "./job.ts";
import { runTuneJob } from "./run-tune-job.ts";

/** What the tests of this package share: a tiny backbone, toy files in memory, and a job that takes a second. */

export const H = 32;

/** Words that say which class a text is of, and words that say nothing. */
const TOPICS: Readonly<Record<string, readonly string[]>> = {
  card: "stolen bank cash pin".split(" "),
  refund: "money paid price cost".split(" "),
  parcel: "late courier door box".split(" "),
};
const FILLERS = "my the is please help now about i you we it today again still".split(" ");

export function openTiny(options: Pick<TinyOptions, "precision"> = {}): Promise<TinyBackbone> {
  const words = [...Object.keys(TOPICS), ...Object.values(TOPICS).flat(), ...FILLERS];
  return tinyBackbone({ words, ...options });
}

/** Where a file's tests run: one tiny backbone for all of them, and for each a folder that is gone behind it. */
export function tinyPlace(): { readonly tiny: TinyBackbone; readonly folder: string } {
  const place = {} as { tiny: TinyBackbone; folder: string };
  beforeAll(async () => {
    place.tiny = await openTiny();
  });
  afterAll(() => place.tiny[Symbol.asyncDispose]());
  beforeEach(async () => {
    place.folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-worker-"));
  });
  afterEach(() => rm(place.folder, { recursive: true, force: true }));
  return place;
}

export interface Row {
  readonly text: string;
  readonly label: string;
}

/** `perClass` rows of each class in turn, none twice: two words of the class among 2 to 6 that say nothing. */
export function toyRows(perClass: number, seed: number): Row[] {
  const uniform = randomNumbers(seed);
  const pick = (words: readonly string[]) => words[Math.floor(uniform() * words.length)] as string;
  const seen = new Set<string>();
  const rows: Row[] = [];
  for (const [label, topics] of Object.entries(TOPICS)) {
    for (let left = perClass; left > 0; ) {
      const fillers = Array.from({ length: 2 + Math.floor(uniform() * 5) }, () => pick(FILLERS));
      const text = [pick(topics), ...fillers, pick(topics)].join(" ");
      if (seen.has(text)) continue;
      seen.add(text);
      rows.push({ text, label });
      left--;
    }
  }
  return rows;
}

export function jsonl(name: string, rows: readonly Row[]): DataSource {
  return lines(
    name,
    rows.map((row) => JSON.stringify(row)),
  );
}

export function lines(name: string, text: readonly string[]): DataSource {
  const bytes = new TextEncoder().encode(text.map((line) => `${line}\n`).join(""));
  return { name, format: "jsonl", open: () => bytes };
}

/** A job on 10 rows a class with a validation and a test file: one run of 2 epochs. */
export function toyJob(tiny: TinyBackbone, folder: string, more: Partial<TextJob> = {}): TextJob {
  return {
    backbone: tiny.backbone,
    train: jsonl("train.jsonl", toyRows(10, 1)),
    validation: jsonl("validation.jsonl", toyRows(5, 2)),
    test: jsonl("test.jsonl", toyRows(5, 3)),
    method: "kv",
    tokens: 2,
    epochs: 2,
    seed: 1,
    out: `${folder}/prompt.safetensors`,
    checkpoints: `${folder}/checkpoints`,
    resume: false,
    ...more,
  };
}

/** The job without its validation file: rows are then held out of the training rows. */
export function withoutValidation({ validation: _, ...job }: TextJob): TextJob {
  return job;
}

export async function tuneClasses(
  job: TextJob,
  hooks?: JobHooks,
): Promise<JobResult & { readonly report: ClassificationReport }> {
  const result = await runTuneJob(job, hooks);
  if (!isClassification(result.report)) throw new Error(`a report of ${result.report.task}`);
  return { ...result, report: result.report };
}
