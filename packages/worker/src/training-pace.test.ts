import type { TuneSettings } from "@kilotune/tuner";
import { expect, it } from "vitest";
import type { JobEvent } from "./job.ts";
import { trainingPace } from "./training-pace.ts";

it("tells the time left of all runs together, by the pace so far", () => {
  let now = 0;
  const events: JobEvent[] = [];
  const pace = trainingPace(
    40,
    (event) => events.push(event),
    () => now,
  );
  const settings = { batchSize: 10, epochs: 2 } as TuneSettings;
  const step = (run: string, epoch: number, share: number) => {
    const hooks = pace.begin(run, settings, 10);
    now += 1000;
    hooks.onStep({ epoch, share, loss: 1, learningRate: 0.1 });
    hooks.onEpoch({ epoch: epoch + 1, loss: 1, validationAccuracy: 0.5, learningRate: 0.1 });
  };
  step("selection-0", 0, 0.5);
  step("selection-0", 1, 1);
  step("final", 0, 0.5);
  step("final", 1, 1);
  const seen = events.map(
    (event) => event.kind === "training" && [event.run, event.epoch, event.secondsLeft],
  );
  expect(seen).toEqual([
    ["selection", 1, 3],
    ["selection", 2, 2],
    ["final", 1, 1],
    ["final", 2, 0],
  ]);
});
