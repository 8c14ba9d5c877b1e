import { createHash, randomUUID } from "node:crypto";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import type { ComparedMethod, TuneReport } from "@kilotune/contract";
import { isCodedError } from "@kilotune/contract";
import { readPromptFile } from "@kilotune/prompt/node";
import { z } from "zod";
import { removeCheckpoints } from "../checkpoint-files.ts";
import type { TuneJob } from "../job.ts";

/** What one run of a comparison found out. */
export interface Kept {
  readonly methods: readonly ComparedMethod[];
  /** Of a run that left a file. */
  readonly report?: TuneReport;
}

/** Where a run of a comparison leaves things. */
type Place = Pick<TuneJob, "out" | "checkpoints">;

/**
 * What a run found out before: undefined where nothing stands there, or what does is of another comparison, damaged, or its
 * prompt's file isn't the one that was measured. It is measured again then.
 *
 * @param key what the figures depend on
 */
export async function keptOf({ out }: Place, key: string): Promise<Kept | undefined> {
  const file = fileOf(out);
  const size = await stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
  if (size === undefined || size > MAX_BYTES) return undefined;
  const [head = "", body = ""] = (await readFile(file, "utf8")).split("\n");
  const parsedHead = header.safeParse(parsed(head));
  if (!parsedHead.success || parsedHead.data.key !== key || parsedHead.data.sha256 !== sha256(body))
    return undefined;
  const found = kept.safeParse(parsed(body));
  if (!found.success) return undefined;
  // As written by `keep`: its checksum says so.
  const { methods, report } = found.data as unknown as Kept;
  if (report === undefined) return { methods };
  if ((await idOf(out)) !== report.prompt.id) return undefined;
  return { methods, report: { ...report, prompt: { ...report.prompt, path: out } } };
}

/** Written whole or not at all. */
export async function keep({ out }: Place, key: string, found: Kept): Promise<void> {
  const file = fileOf(out);
  const body = JSON.stringify(found);
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, `${JSON.stringify({ key, sha256: sha256(body) })}\n${body}\n`, { flag: "wx" });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes what a comparison before has left of a run, but for the prompt: that is overwritten. */
export async function forget({ out, checkpoints }: Place): Promise<void> {
  await rm(fileOf(out), { force: true });
  await removeCheckpoints(checkpoints);
}

function fileOf(out: string): string {
  return out.replace(/\.safetensors$/, ".figures.jsonl");
}

/** A report names every mistake on the test rows. */
const MAX_BYTES = 256e6;

const header = z.strictObject({ key: z.string(), sha256: z.string() });
const share = z.number().min(0).max(1);
const score = z.strictObject({
  rows: z.int().positive(),
  accuracy: share,
  macroF1: share,
  interval: z.tuple([share, share]),
});
const amount = z.number().nonnegative();
const method = z.strictObject({
  name: z.string(),
  title: z.string(),
  heldOut: score.nullable(),
  crossValidated: z.exactOptional(
    score.extend({ folds: z.int().min(2), deviation: z.number().nonnegative() }).nullable(),
  ),
  test: score.nullable(),
  init: z.exactOptional(z.string()),
  reparam: z.exactOptional(z.string()),
  trainableParameters: amount,
  sizeBytes: amount,
  seconds: amount,
  switchSeconds: amount.nullable(),
});
const kept = z.strictObject({
  methods: z.array(method).min(1),
  // The rest of it is only ever shown.
  report: z.exactOptional(z.looseObject({ prompt: z.looseObject({ id: z.string() }) })),
});

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function idOf(file: string): Promise<string | undefined> {
  try {
    return (await readPromptFile(file)).id;
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
