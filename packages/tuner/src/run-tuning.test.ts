import type { Backbone } from "@kilotune/backbone";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import type { CurvePoint } from "@kilotune/contract";
import type { Session } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { type LinearSession, openLinearSession } from "./head/linear-session.ts";
import { type RunOptions, runTuning } from "./run-tuning.ts";
import type { Validation } from "./task.ts";
import { SETTINGS, toyData, toyTexts, WORDS } from "./testing.ts";
import { textAccuracy, textClassification } from "./text/classification.ts";

let tiny: TinyBackbone;
let backbone: Backbone;
let lower: Session;
let plain: Session;
let linear: LinearSession;
let options: RunOptions & Required<Pick<RunOptions, "validation">>;
/** As the options', with a linear session of the test's own. */
let accuracyBy: (linear: LinearSession) => Validation;
/** The same task on a backbone of the test's own. */
let optionsOn: (backbone: Backbone) => RunOptions;
let heldOut: Int32Array;

beforeAll(async () => {
  tiny = await tinyBackbone({ words: WORDS });
  backbone = tiny.backbone;
  lower = await backbone.open({ kind: "lower", firstLayer: 1 });
  plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 1 } });
  linear = await openLinearSession(backbone.openGraph, backbone.manifest.config.hiddenSize);
  const { data, prototypes } = await toyData(backbone, lower, plain, toyTexts(8));
  const { data: rows } = await toyData(backbone, lower, plain, toyTexts(6, 3, "validation"));
  const settings = { ...SETTINGS, epochs: 6, headLearningRate: 3e-2 };
  heldOut = rows.labels;
  accuracyBy = (linear) => textAccuracy(backbone, settings, linear, rows);
  optionsOn = (backbone) => ({
    settings,
    task: textClassification(backbone, settings, data, prototypes),
    validation: textAccuracy(backbone, settings, linear, rows),
  });
  options = { ...optionsOn(backbone), validation: accuracyBy(linear) };
});
afterAll(async () => {
  await Promise.all([lower, plain, linear].map((each) => each.release()));
  await tiny[Symbol.asyncDispose]();
});

describe("a run", () => {
  it("measures every epoch on the held-out rows, and learns", async () => {
    const { end, curve } = await runTuning(options);
    expect(end).toBe("done");
    expect(curve.map((point) => point.epoch)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Math.max(...curve.map((point) => point.validationAccuracy!))).toBeGreaterThan(1 / 3);
  });

  it("ends with the last epoch where none before was better by more than one standard error", async () => {
    const { epoch, curve } = await runTuning({ ...options, validation: measuring([9, 16, 15, 15, 16, 15]) });
    expect(epoch).toBe(6);
    expect(curve[1]?.validationAccuracy).toBeCloseTo(16 / 18, 12);
  });

  it("ends with the best epoch where all that came after were clearly worse", async () => {
    const { epoch, prompt } = await runTuning({ ...options, validation: measuring([9, 16, 9, 10, 9, 9]) });
    expect(epoch).toBe(2);
    const impatient = { ...options, validation: measuring([9, 16, 9, 10]), patience: 2 };
    expect(await runTuning(impatient)).toMatchObject({ end: "stopped", epoch: 2, prompt });
  });

  it("without held-out rows ends with the last epoch", async () => {
    const { validation: _, ...without } = options;
    const { epoch, curve } = await runTuning(without);
    expect(epoch).toBe(6);
    expect(curve.every((point) => point.validationAccuracy === null)).toBe(true);
  });

  it("goes on from any of its checkpoints to the same result", async () => {
    const files: Uint8Array[] = [];
    const whole = await runTuning({ ...options, ...saving(files) });
    expect(files).toHaveLength(6);
    for (const file of files) expect(await runTuning({ ...options, ...resuming(file) })).toEqual(whole);
  });

  it("stopped in the middle of an epoch goes on to the same result", async () => {
    const whole = await runTuning(options);
    for (const cut of [1, 17]) {
      const files: Uint8Array[] = [];
      let steps = 0;
      const aborted = () => ++steps === cut;
      expect(await runTuning({ ...options, ...saving(files), aborted })).toMatchObject({ end: "aborted" });
      expect(await runTuning({ ...options, ...resuming(files.at(-1)!) })).toEqual(whole);
    }
  });

  it("that ran out of patience doesn't go on when its checkpoint is resumed", async () => {
    const files: Uint8Array[] = [];
    const patient = { ...options, patience: 2 };
    const stopped = await runTuning({ ...patient, validation: measuring([16, 9, 9]), ...saving(files) });
    expect(stopped).toMatchObject({ end: "stopped", epoch: 1 });
    const resumed = await runTuning({ ...patient, validation: measuring([]), ...resuming(files.at(-1)!) });
    expect(resumed).toEqual(stopped);
  });

  it("saves between epochs when the clock says so", async () => {
    let now = 0;
    const files: Uint8Array[] = [];
    await runTuning({ ...options, ...saving(files), clock: () => (now += 6000) });
    expect(files.length).toBeGreaterThan(6);
  });

  it("tells each epoch once, and where it goes on from, no old one again", async () => {
    const files: Uint8Array[] = [];
    const points: CurvePoint[] = [];
    const { curve } = await runTuning({
      ...options,
      ...saving(files),
      onEpoch: (point) => points.push(point),
    });
    expect(points).toEqual(curve);
    const later: number[] = [];
    const onEpoch = ({ epoch }: CurvePoint) => later.push(epoch);
    await runTuning({ ...options, ...resuming(files[3]!), onEpoch });
    expect(later).toEqual([5, 6]);
  });

  it("releases what it opened where the second graph doesn't open", async () => {
    let open = 0;
    const failing: Backbone = {
      ...backbone,
      async open(spec) {
        if (spec.kind === "upper") throw new Error("no memory");
        const session = await backbone.open(spec);
        open++;
        const release = async () => {
          open--;
          await session.release();
        };
        return { ...session, release };
      },
    };
    await expect(runTuning(optionsOn(failing))).rejects.toThrow("no memory");
    expect(open).toBe(0);
  });
});

/** Heads that get so many of the 18 held-out rows right, an epoch after the other. */
function measuring(right: readonly number[]): Validation {
  let epoch = 0;
  const labels = heldOut;
  return accuracyBy({
    ...linear,
    async logits() {
      const logits = new Float32Array(labels.length * 3);
      const wanted = right[epoch++]!;
      for (const [row, label] of labels.entries())
        logits[row * 3 + ((label + (row < wanted ? 0 : 1)) % 3)] = 1;
      return logits;
    },
  });
}

function saving(files: Uint8Array[]): Pick<RunOptions, "checkpoint"> {
  const save = async (checkpoint: Checkpoint) => void files.push(encodeCheckpoint(checkpoint, "job"));
  return { checkpoint: { load: async () => undefined, save } };
}

function resuming(file: Uint8Array): Pick<RunOptions, "checkpoint"> {
  return { checkpoint: { load: async () => decodeCheckpoint(file, "job"), save: async () => {} } };
}
