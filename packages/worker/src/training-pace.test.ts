import type { TuneSettings } from "@kilotune/tuner";
import { beforeEach, expect, it } from "vitest";
import type { JobEvent } from "./job.ts";
import { type TrainingPace, trainingPace } from "./training-pace.ts";

/** Two runs of 2 epochs over 10 rows, one step a second and an epoch. */
const SETTINGS = { batchSize: 10, epochs: 2 } as TuneSettings;

let now: number;
let events: JobEvent[];
let pace: TrainingPace;
beforeEach(() => {
  now = 0;
  events = [];
  pace = trainingPace(
    40,
    (event) => events.push(event),
    () => now,
  );
});

function step({ onStep, onEpoch }: ReturnType<TrainingPace["begin"]>, epoch: number): void {
  now += 1000;
  onStep({ epoch, share: (epoch + 1) / 2, loss: 1, learningRate: 0.1 });
  onEpoch({ epoch: epoch + 1, loss: 1, validationAccuracy: 0.5, learningRate: 0.1 });
}

const seen = () =>
  events.map((event) => event.kind === "training" && [event.run, event.epoch, event.secondsLeft]);

it("tells the time left of all runs together, by the pace so far", () => {
  const selection = pace.begin("selection-0", SETTINGS, 10);
  step(selection, 0);
  step(selection, 1);
  const final = pace.begin("final", SETTINGS, 10);
  step(final, 0);
  step(final, 1);
  expect(seen()).toEqual([
    ["selection", 1, 3],
    ["selection", 2, 2],
    ["final", 1, 1],
    ["final", 2, 0],
  ]);
});

it("calls the last run of full fine-tuning the last one, too", () => {
  step(pace.begin("whole-0", SETTINGS, 10), 1);
  step(pace.begin("whole-final", SETTINGS, 10), 1);
  expect(events.map((event) => event.kind === "training" && event.run)).toEqual(["selection", "final"]);
});

it("counts the steps of a run", () => {
  const short = pace.begin("final", { ...SETTINGS, batchSize: 4 }, 10);
  short.onStep({ epoch: 1, share: 5 / 6, loss: 1, learningRate: 0.1 });
  expect(events).toEqual([expect.objectContaining({ step: 5, steps: 6 })]);
});

it("after a resume counts what is left, not what was done before", () => {
  pace.begin("selection-0", SETTINGS, 10); // Its checkpoint says that it has ended: not one step.
  step(pace.begin("final", SETTINGS, 10), 1);
  expect(seen()).toEqual([["final", 2, 0]]);
});
