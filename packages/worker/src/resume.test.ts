import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { JobEvent, JobHooks, TextJob } from "./job.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { tinyPlace, toyJob, withoutValidation } from "./testing.ts";

const place = tinyPlace();

const job = (more: Partial<TextJob> = {}) => toyJob(place.tiny, place.folder, { epochs: 3, ...more });

describe("an aborted job", () => {
  // Epochs of one step each. In cross-validation: 5 folds of 24 rows, then the last run on all 30.
  it.each([
    { rows: "a validation file", cuts: [1, 3], wanted: () => job() },
    { rows: "cross-validation", cuts: [2, 17], wanted: () => withoutValidation(job()) },
  ])("with $rows goes on to the identical bytes from wherever it was stopped", async ({ cuts, wanted }) => {
    await runTuneJob(wanted());
    const whole = await readFile(job().out);
    for (const cut of cuts) {
      await rm(job().out);
      await interrupt(wanted(), cut);
      expect(await readdir(place.folder)).toEqual(["checkpoints"]);
      await runTuneJob({ ...wanted(), resume: true });
      expect((await readFile(job().out)).equals(whole)).toBe(true);
    }
  });

  it("before its first step has nothing to go on from and says that it was stopped", async () => {
    const signal = AbortSignal.abort();
    await expect(runTuneJob(job(), { signal })).rejects.toMatchObject({ code: "interrupted" });
    expect(await readdir(place.folder)).toEqual([]);
  });
});

describe("a checkpoint", () => {
  it("of another job is left aside, with a note", async () => {
    await interrupt(job({ seed: 7 }), 1);
    const events: JobEvent[] = [];
    const { stored } = await runTuneJob(job({ resume: true }), { onEvent: (event) => events.push(event) });
    expect(notes(events)).toContainEqual(expect.stringContaining("is of another job"));
    expect(stored.id).toBe((await runTuneJob(job())).stored.id);
  });

  it("that is damaged is left aside, with a note", async () => {
    await interrupt(job(), 1);
    for (const name of await readdir(job().checkpoints))
      await writeFile(path.join(job().checkpoints, name), "not a checkpoint");
    const events: JobEvent[] = [];
    await runTuneJob(job({ resume: true }), { onEvent: (event) => events.push(event) });
    expect(notes(events)).toContainEqual(expect.stringContaining("is damaged"));
  });

  it("isn't gone on from unless that was asked for", async () => {
    await interrupt(job(), 1);
    const steps: number[] = [];
    await runTuneJob(job(), { onEvent: (event) => event.kind === "training" && steps.push(event.epoch) });
    expect(steps).toEqual([1, 2, 3]);
  });
});

/** Ctrl-C at the given step of all runs together. */
async function interrupt(wanted: TextJob, cut: number): Promise<void> {
  const controller = new AbortController();
  let steps = 0;
  const onEvent: JobHooks["onEvent"] = (event) => {
    if (event.kind === "training" && ++steps === cut) controller.abort();
  };
  await expect(runTuneJob(wanted, { onEvent, signal: controller.signal })).rejects.toMatchObject({
    name: "KilotuneError",
    code: "interrupted",
    kind: "machine",
    retryable: true,
  });
}

function notes(events: readonly JobEvent[]): string[] {
  return events.flatMap((event) => (event.kind === "note" ? [event.words] : []));
}
