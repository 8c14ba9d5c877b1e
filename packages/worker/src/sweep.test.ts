import { readdir, readFile } from "node:fs/promises";
import type { SweptCandidate } from "@kilotune/contract";
import { expect, it } from "vitest";
import type { TextJob } from "./job.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { runSweep, type Sweep, type SweepHooks } from "./sweep.ts";
import { tinyPlace, toyJob } from "./testing.ts";

const place = tinyPlace();

// Rates that throw away what the class means knew, and rates that learn; two first layers.
const WILD = { promptLearningRate: 10, headLearningRate: 10 };
const CALM = { promptLearningRate: 1e-2, headLearningRate: 1e-2 };
const CANDIDATES = [
  WILD,
  { ...WILD, tokens: 4 },
  { ...CALM, firstLayer: 0 },
  { ...WILD, firstLayer: 0 },
  { ...CALM, tokens: 3, firstLayer: 1 },
];

const sweep = ({ job, ...more }: Partial<Omit<Sweep, "job">> & { job?: Partial<TextJob> } = {}): Sweep => ({
  job: toyJob(place.tiny, place.folder, { epochs: 8, ...job }),
  candidates: CANDIDATES,
  halving: true,
  ...more,
});

async function trialsOf(wanted: Sweep, hooks: SweepHooks = {}) {
  const trials: SweptCandidate[] = [];
  const result = await runSweep(wanted, { ...hooks, onTrial: (trial) => trials.push(trial) });
  return { result, trials };
}

it("finds a candidate that learns, and leaves what a job with those settings leaves", async () => {
  const { result, trials } = await trialsOf(sweep());
  expect(trials.map(({ share }) => share)).toEqual([1 / 16, 1 / 16, 1 / 16, 1 / 16, 1 / 16, 1 / 4, 1 / 4, 1]);
  const [best, ...others] = result.report.sweep as SweptCandidate[];
  expect(best?.share).toBe(1);
  expect(others).toHaveLength(CANDIDATES.length - 1);
  expect(best?.settings).toMatchObject(CALM);
  const { firstLayer, ...settings } = best!.settings;
  expect(result.report.settings).toMatchObject({ ...settings, epochs: expect.any(Number) });
  const swept = await readFile(sweep().job.out);
  expect(await readdir(place.folder)).toEqual(["prompt.safetensors"]);
  await runTuneJob({
    ...toyJob(place.tiny, place.folder, { epochs: 8 }),
    settings,
    ...(firstLayer === undefined ? {} : { firstLayer }),
  });
  expect((await readFile(sweep().job.out)).equals(swept)).toBe(true);
});

it("goes on where it was stopped: nothing is measured twice, and the end is the same", async () => {
  const whole = await trialsOf(sweep());
  const bytes = await readFile(sweep().job.out);
  const controller = new AbortController();
  let seen = 0;
  const stopped = runSweep(sweep(), {
    signal: controller.signal,
    onTrial: () => {
      if (++seen === 6) controller.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
  const again = await trialsOf(sweep({ job: { resume: true } }));
  expect(again.trials).toEqual(whole.trials);
  expect((await readFile(sweep().job.out)).equals(bytes)).toBe(true);
});

it("runs all of each without halving", async () => {
  const { trials, result } = await trialsOf(sweep({ halving: false, candidates: CANDIDATES.slice(1, 3) }));
  expect(trials.map(({ share }) => share)).toEqual([1, 1]);
  expect(result.report.sweep?.[0]?.settings).toEqual(CANDIDATES[2]);
});

it("needs something to try, and a prompt to try it on", async () => {
  for (const wrong of [{ candidates: [] }, { job: { method: "head" } } as const])
    await expect(runSweep(sweep(wrong))).rejects.toMatchObject({ code: "bad_sweep" });
});
