import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Backbone, type VisionBackbone, withTiles } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import {
  assertCompatible,
  decodePrompt,
  encodePrompt,
  type Prompt,
  type Receipt,
  type StoredPrompt,
} from "@kilotune/prompt";
import { initOfReceipt } from "./asked-init.ts";
import { backboneIdentity } from "./backbone-identity.ts";
import { imageBackbone } from "./images/image-backbone.ts";
import type { ImageRows } from "./images/image-source.ts";
import type { DataSource, JobHooks, TuneJob } from "./job.ts";
import { planOf } from "./plan-of.ts";
import { receiptOf } from "./receipt.ts";
import { runPlan } from "./run-tune-job.ts";
import { samePlaces } from "./same-places.ts";
import type { JobData, RowsOf, TaskPlan } from "./task.ts";

export interface ReproducedFiles {
  readonly train: DataSource | ImageRows;
  readonly validation?: DataSource | ImageRows;
  /** Where left out, the figures of a test file are taken over unchecked. */
  readonly test?: DataSource | ImageRows;
  /** The prompt that it was tuned from, where it was. */
  readonly initPrompt?: StoredPrompt;
}

export interface Reproduction {
  /** The same bytes, but for test figures that were taken over. */
  readonly same: boolean;
  /** Of the file, and of what was made here; undefined where other data left nothing to tune for. */
  readonly id: string;
  readonly idHere: string | undefined;
  /** What the receipt tells, beside what is here. */
  readonly parts: readonly Part[];
  /** Places in the manifest, other than the receipt, whose values differ. */
  readonly places: readonly string[];
  /** Numbers that differ, and by how much at the most; 0 of 0 where they are the same or nothing was tuned. */
  readonly numbers: { readonly differing: number; readonly of: number; readonly largest: number };
  /** Whether the figures of a test file were taken over. */
  readonly testTakenOver: boolean;
}

export interface Part {
  readonly name: string;
  readonly receipt: string;
  readonly here: string;
}

/**
 * Tunes a prompt again from its receipt, and says whether the same bytes came of it; where not, which part differs. Other
 * data end it before anything is tuned.
 *
 * @param file as it lies on disk
 * @throws KilotuneError `no_receipt`, `old_receipt`, `backbone_mismatch`, `bad_init`, and as runTuneJob
 */
export async function reproducePrompt(
  file: Uint8Array,
  backbone: Backbone | VisionBackbone,
  files: ReproducedFiles,
  hooks: JobHooks = {},
): Promise<Reproduction> {
  const stored = await decodePrompt(file);
  const { manifest } = stored.prompt;
  const receipt = receiptToRepeat(manifest.receipt);
  const isTiled = receipt.asked.tiles && "preprocessing" in backbone.manifest;
  assertCompatible(manifest, identityOf(isTiled ? await withTiles(backbone as VisionBackbone) : backbone));
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-reproduce-"));
  const out = path.join(folder, `${randomUUID()}.safetensors`);
  try {
    const job = jobOfReceipt(stored.prompt, receipt, backbone, files, out);
    const parts = (data: JobData<RowsOf>) =>
      partsOf(receipt, receiptOf(job, data, { epochs: receipt.epochs, trainRows: data.train.count }));
    let told: readonly Part[] = [];
    const look = (data: JobData<RowsOf>) => {
      told = parts(data);
      if (data.sha256 !== receipt.dataSha256) throw new OtherData();
    };
    try {
      await planOf(job, hooks, (plan) => runPlan(lookedAt(plan, look), job, hooks));
    } catch (error) {
      if (!(error instanceof OtherData)) throw error;
      const numbers = { differing: 0, of: 0, largest: 0 };
      return {
        same: false,
        id: stored.id,
        idHere: undefined,
        parts: told,
        places: [],
        numbers,
        testTakenOver: false,
      };
    }
    return await compare(stored, await readFile(out), told, files.test === undefined);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function receiptToRepeat(receipt: Receipt | undefined): RepeatableReceipt {
  if (receipt === undefined)
    throw new KilotuneError(
      "no_receipt",
      "expected a prompt with a receipt of its tuning, but saw one that was imported from another system",
      "Its origin is all that is known of it: kilotune inspect FILE.",
    );
  if (receipt.asked === undefined)
    throw new KilotuneError(
      "old_receipt",
      "expected a receipt that tells what the job was asked, but saw one without it",
      "The file is of an older version, or of a checkpoint on the way of a job: tune again, with the settings that kilotune inspect shows.",
    );
  return receipt as RepeatableReceipt;
}

type RepeatableReceipt = Receipt & { readonly asked: NonNullable<Receipt["asked"]> };

function identityOf(backbone: Backbone | VisionBackbone) {
  if ("preprocessing" in backbone.manifest) return imageBackbone(backbone as VisionBackbone);
  return backboneIdentity(backbone as Backbone);
}

/** The job that the receipt is of. A manifest's strings choose among jobs; they are never paths. */
function jobOfReceipt(
  { manifest }: Prompt,
  { asked, seed }: RepeatableReceipt,
  backbone: Backbone | VisionBackbone,
  files: ReproducedFiles,
  out: string,
): TuneJob {
  const isOfImages = "input" in manifest && manifest.input === "image";
  const wantsTest = "test" in manifest.metrics && manifest.metrics.test !== undefined;
  const { test, initPrompt, ...learnt } = files;
  const { init, ...rest } = asked;
  return {
    ...rest,
    together: asked.together ?? false,
    ...(init === undefined ? {} : { init: initOfReceipt(init, initPrompt) }),
    seed,
    ...(isOfImages ? { input: "image" } : {}),
    task: manifest.task,
    backbone,
    ...learnt,
    ...(wantsTest && test !== undefined ? { test } : {}),
    storage: manifest.storage,
    out,
    checkpoints: `${out}.checkpoint`,
    resume: false,
  } as unknown as TuneJob;
}

/** Told of the data once they are read, before anything is computed of them. */
function lookedAt<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  plan: TaskPlan<File, Rows, Fitted, Outcome>,
  look: (data: JobData<RowsOf>) => void,
): TaskPlan<File, Rows, Fitted, Outcome> {
  return {
    read: (emit) => plan.read(emit),
    async open(data) {
      // What was read is held by the task: opened, so that it is let go of.
      await using opened = new AsyncDisposableStack();
      const task = opened.use(await plan.open(data));
      look(data);
      opened.move();
      return task;
    },
  };
}

class OtherData extends Error {}

function partsOf(receipt: Receipt, here: Omit<Receipt, "settings">): Part[] {
  const part = (name: string, valueIn: (from: Omit<Receipt, "settings">) => unknown): Part => ({
    name,
    receipt: String(valueIn(receipt) ?? "none"),
    here: String(valueIn(here) ?? "none"),
  });
  return [
    part("training rows", ({ trainRows }) => trainRows),
    part("validation rows", ({ validationRows }) => validationRows),
    part("data (SHA-256)", ({ dataSha256 }) => dataSha256),
    part("code version", ({ codeVersion }) => codeVersion),
    part("engine", ({ engine }) => engine?.runtime),
    part("platform", ({ engine }) => engine?.platform),
    part("instructions", ({ engine }) => engine?.instructions),
    part("device", ({ engine }) => engine && (engine.device ?? "cpu")),
  ];
}

async function compare(
  { id, prompt }: StoredPrompt,
  made: Uint8Array,
  parts: readonly Part[],
  withoutTest: boolean,
): Promise<Reproduction> {
  const own = (await decodePrompt(made)).prompt;
  const { test } = prompt.manifest.metrics;
  const testTakenOver = withoutTest && test !== undefined;
  const metrics = testTakenOver ? { ...own.manifest.metrics, test } : own.manifest.metrics;
  const here = { ...own, manifest: { ...own.manifest, metrics } } as Prompt;
  const { id: idHere } = await decodePrompt(encodePrompt(here, { storage: here.manifest.storage }));
  const { differing, of, largest, places } = samePlaces(prompt, here);
  return {
    same: id === idHere,
    id,
    idHere,
    parts,
    places,
    numbers: { differing, of, largest },
    testTakenOver,
  };
}
