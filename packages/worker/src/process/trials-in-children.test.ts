import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { SweptCandidate } from "@kilotune/contract";
import { expect, it } from "vitest";
import { fileSource } from "../file-source.ts";
import type { JobEvent } from "../job.ts";
import { runSweep, type Sweep, type SweepHooks } from "../sweep.ts";
import { tinyPlace, toyJob, toyRows } from "../testing.ts";
import type { Parallel } from "./trials-in-children.ts";

const place = tinyPlace();

const CALM = { promptLearningRate: 1e-2, headLearningRate: 1e-2 };
const WILD = { promptLearningRate: 10, headLearningRate: 10 };
const CANDIDATES = [
  CALM,
  { ...CALM, tokens: 4 },
  WILD,
  { ...CALM, tokens: 3, firstLayer: 1 },
  { ...WILD, tokens: 1 },
];

/** `name`: a folder of its own, for what it writes. */
async function sweep(name: string, parallel?: Partial<Parallel>, resume = false): Promise<Sweep> {
  const folder = path.join(place.folder, name);
  await mkdir(folder, { recursive: true });
  const file = async (kind: string, rows: ReturnType<typeof toyRows>) => {
    const to = path.join(place.folder, `${kind}.jsonl`);
    await writeFile(to, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return fileSource(to);
  };
  const job = toyJob(place.tiny, folder, {
    train: await file("train", toyRows(10, 1)),
    validation: await file("validation", toyRows(5, 2)),
    test: await file("test", toyRows(5, 3)),
    epochs: 8,
    resume,
  });
  const own = parallel && { processes: 2, threads: 1, bundle: place.tiny.bundle, ...parallel };
  return { job, candidates: CANDIDATES, halving: true, ...(own && { parallel: own }) };
}

async function swept(wanted: Sweep, hooks: SweepHooks = {}) {
  const { report } = await runSweep(wanted, hooks);
  return { sweep: report.sweep, bytes: await readFile(wanted.job.out) };
}

/** What one process makes of it, found out once. */
let alone: ReturnType<typeof swept> | undefined;
async function inOne() {
  alone ??= swept(await sweep("alone"));
  return alone;
}

/** Of this process, as Linux tells. */
function children(): number[] {
  const list = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8");
  return list.split(" ").filter(Boolean).map(Number);
}

const isLinux = process.platform === "linux";

it("gives what one process gives, bit for bit, and leaves no process and no checkpoint", async () => {
  const expected = await inOne();
  const trials: SweptCandidate[] = [];
  let most = 0;
  const onTrial = (trial: SweptCandidate) => {
    trials.push(trial);
    if (isLinux) most = Math.max(most, children().length);
  };
  const wanted = await sweep("beside", {});
  expect(await swept(wanted, { onTrial })).toEqual(expected);
  expect(trials.map(({ share }) => share)).toEqual([...Array(5).fill(1 / 16), 1 / 4, 1 / 4, 1]);
  if (isLinux) expect([most, children()]).toEqual([2, []]);
  expect(await readdir(path.dirname(wanted.job.out))).toEqual(["prompt.safetensors"]);
});

it.runIf(isLinux)("starts no more processes than memory allows, but one", async () => {
  let most = 0;
  const onTrial = () => {
    most = Math.max(most, children().length);
  };
  const wanted = await sweep("small", { processes: 4, memoryBytes: 1 });
  await swept({ ...wanted, candidates: [CALM, WILD], halving: false }, { onTrial });
  expect(most).toBe(1);
});

it("stops all at Ctrl-C with what they had, and one process goes on to the same end", async () => {
  const expected = await inOne();
  const stop = new AbortController();
  let seen = 0;
  const onTrial = () => {
    if (++seen === 6) stop.abort();
  };
  const wanted = await sweep("stopped", {});
  await expect(runSweep(wanted, { onTrial, signal: stop.signal })).rejects.toMatchObject({
    code: "interrupted",
  });
  if (isLinux) expect(children()).toEqual([]);
  const left = await readdir(wanted.job.checkpoints);
  expect(left).toEqual(expect.arrayContaining(["sweep.jsonl", "sweep-0-0.checkpoint"]));
  const again = await sweep("stopped", undefined, true);
  expect(await swept(again)).toEqual(expected);
});

it.runIf(isLinux)("names a process that dies and goes on; where it dies again, it ends", async () => {
  const notes: string[] = [];
  const killing = (times: number) => (event: JobEvent) => {
    if (event.kind === "note") notes.push(event.words);
    if (event.kind !== "stage" || event.stage !== "prepare" || times-- <= 0) return;
    for (const pid of children()) process.kill(pid, "SIGKILL");
  };
  const expected = await inOne();
  expect(await swept(await sweep("once", {}), { onEvent: killing(1) })).toEqual(expected);
  expect(notes).toContainEqual(
    expect.stringMatching(/^The process \d+ that tried \{.*\} ended .* \(SIGKILL\).* once more\.$/),
  );
  const ended = runSweep(await sweep("twice", {}), { onEvent: killing(2) });
  await expect(ended).rejects.toMatchObject({ code: "worker_died", kind: "machine" });
  expect(children()).toEqual([]);
});

it("needs files: other processes can't read what is in memory", async () => {
  const wanted = await sweep("memory", {});
  const { path: _, ...train } = wanted.job.train as ReturnType<typeof fileSource>;
  const inMemory = { ...wanted, job: { ...wanted.job, train } as Sweep["job"] };
  await expect(runSweep(inMemory)).rejects.toMatchObject({ code: "bad_sweep" });
});
