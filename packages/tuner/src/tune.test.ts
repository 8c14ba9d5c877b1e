import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Backbone } from "@kilotune/backbone";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import type { Session } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import type { TuneSettings } from "./settings.ts";
import { SETTINGS, toyData, toyTexts, WORDS } from "./testing.ts";
import { textClassification } from "./text/classification.ts";
import { startTuning, type TuneEnd, type TuneHooks, type TuneState, tune } from "./tune.ts";

/** 24 rows in batches of 8 for 3 epochs: 9 steps a run. */
const STEPS = 9;

let tiny: TinyBackbone;
let backbone: Backbone;
beforeAll(async () => {
  tiny = await tinyBackbone({ words: WORDS });
  backbone = tiny.backbone;
});
afterAll(() => tiny[Symbol.asyncDispose]());

describe.each([
  { site: "kv from layer 0", settings: { ...SETTINGS, firstLayer: 0 } },
  { site: "kv from layer 1", settings: SETTINGS },
  { site: "soft", settings: { ...SETTINGS, method: "soft", firstLayer: 0 } satisfies TuneSettings },
])("tuning $site", ({ settings }) => {
  let lower: Session;
  let plain: Session;
  let session: Session;
  let toy: Awaited<ReturnType<typeof toyData>>;

  beforeAll(async () => {
    const { firstLayer } = settings;
    lower = await backbone.open({ kind: "lower", firstLayer });
    plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer } });
    toy = await toyData(backbone, lower, plain, toyTexts(8));
    session = await taskOf(settings).open({ dropout: true });
  });
  afterAll(async () => {
    await Promise.all([lower, plain, session].map((each) => each.release()));
  });

  const taskOf = (own: TuneSettings) => textClassification(backbone, own, toy.data, toy.prototypes);
  const run = async (state: TuneState, hooks: TuneHooks = {}, own = settings): Promise<TuneEnd> =>
    tune(own, taskOf(own), session, state, hooks);
  const start = (own = settings) => startTuning(own, taskOf(own));

  it("changes prompt and prototypes, and not one byte of the weights", async () => {
    const weights = await readFile(path.join(tiny.bundle, "weights.safetensors"));
    const { prototypes } = toy;
    const given = prototypes.slice();
    const state = start();
    const first = structuredClone(state);
    expect(await run(state)).toBe("done");
    expect(state.prompt.values).not.toEqual(first.prompt.values);
    expect(state.head.prototypes!.values).not.toEqual(first.head.prototypes!.values);
    expect(prototypes).toEqual(given);
    expect(hash(await readFile(path.join(tiny.bundle, "weights.safetensors")))).toBe(hash(weights));
  });

  it("same seed, same bytes; another seed, other bytes", async () => {
    const [first, again, other] = [start(), start(), start({ ...settings, seed: 2 })];
    await run(first);
    await run(again);
    await run(other, {}, { ...settings, seed: 2 });
    expect(bytesOf(again)).toEqual(bytesOf(first));
    expect(bytesOf(other)).not.toEqual(bytesOf(first));
  });

  it("stopped after any step and gone on with from a file, ends at the identical bytes and curve", async () => {
    const whole = start();
    const curve: unknown[] = [];
    await run(whole, { onEpoch: async (point) => void curve.push(point) });
    for (let cut = 1; cut <= STEPS; cut++) {
      let state = start();
      const seen: unknown[] = [];
      const onEpoch: TuneHooks["onEpoch"] = async (point) => void seen.push(point);
      let steps = 0;
      expect(await run(state, { onEpoch, aborted: () => ++steps === cut })).toBe("aborted");
      const file = encodeCheckpoint({ state, best: undefined, curve: [] }, "job");
      state = decodeCheckpoint(file, "job")!.state;
      expect(await run(state, { onEpoch })).toBe("done");
      expect(bytesOf(state)).toEqual(bytesOf(whole));
      expect(seen).toEqual(curve);
    }
  });

  it("learns what is separable: the loss falls", async () => {
    const losses: number[] = [];
    const long = { ...settings, epochs: 20, headLearningRate: 3e-2 };
    await run(start(long), { onEpoch: async ({ loss }) => void losses.push(loss) }, long);
    expect(losses).toHaveLength(20);
    expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.5);
  });

  it("a rate beyond all measure ends as diverged, with finite numbers only", async () => {
    const wild = { ...settings, promptLearningRate: 1e38, headLearningRate: 1e38 };
    const state = start(wild);
    expect(await run(state, {}, wild)).toBe("diverged");
    for (const { values, moments } of [state.prompt, state.head.prototypes!])
      for (const each of [values, moments.mean, moments.square])
        expect(each.every(Number.isFinite)).toBe(true);
  });
});

describe("hooks", () => {
  it("hear of every step and epoch, with shares that end at 1; 'stop' ends the run", async () => {
    const lower = await backbone.open({ kind: "lower", firstLayer: 1 });
    const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 1 } });
    const { data, prototypes } = await toyData(backbone, lower, plain, toyTexts(8));
    const settings = { ...SETTINGS, dropout: 0 };
    const task = textClassification(backbone, settings, data, prototypes);
    const session = await task.open({ dropout: false });
    const shares: number[] = [];
    const onStep: TuneHooks["onStep"] = ({ share }) => void shares.push(share);
    const state = startTuning(settings, task);
    expect(await tune(settings, task, session, state, { onStep })).toBe("done");
    expect(shares).toEqual(Array.from({ length: STEPS }, (_, step) => (step + 1) / STEPS));

    const stopped = startTuning(settings, task);
    const onEpoch: TuneHooks["onEpoch"] = async ({ epoch }) => (epoch === 2 ? "stop" : undefined);
    expect(await tune(settings, task, session, stopped, { onEpoch })).toBe("stopped");
    expect(stopped.epoch).toBe(2);
    await Promise.all([lower, plain, session].map((each) => each.release()));
  });
});

function bytesOf(state: TuneState): Uint8Array {
  return encodeCheckpoint({ state, best: undefined, curve: [] }, "job");
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
