import { readSafetensors, writeSafetensors } from "@kilotune/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

const word = fc.nat({ max: 2 ** 32 - 1 });
const random = fc.tuple(word, word, word, fc.integer({ min: 1, max: 2 ** 32 - 1 }));
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const count = fc.nat({ max: 1e6 });

const checkpoints: fc.Arbitrary<Checkpoint> = fc
  .record({
    promptSize: fc.nat({ max: 40 }),
    headSizes: fc.dictionary(fc.string(), fc.integer({ min: 1, max: 40 }), { maxKeys: 3 }),
    updates: count,
  })
  .chain(({ promptSize, headSizes, updates }) => {
    const numbers = (size: number) =>
      fc
        .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: size, maxLength: size })
        .map((values) => Float32Array.from(values));
    const trained = (size: number) =>
      fc.record({
        values: numbers(size),
        moments: fc.record({ step: fc.constant(updates), mean: numbers(size), square: numbers(size) }),
      });
    const headOf = <Value>(of: (size: number) => fc.Arbitrary<Value>) =>
      fc.record(Object.fromEntries(Object.entries(headSizes).map(([name, size]) => [name, of(size)])));
    return fc.record({
      state: fc.record({
        prompt: trained(promptSize),
        head: headOf(trained),
        epoch: count,
        step: count,
        lossSum: finite.map((value) => value + 0),
        batchRandom: random,
        dropoutRandom: random,
      }),
      best: fc.option(
        fc.record({
          prompt: numbers(promptSize),
          head: headOf(numbers),
          epoch: count,
          score: finite.map((value) => value + 0),
        }),
        { nil: undefined },
      ),
      curve: fc.array(
        fc.record({
          epoch: count,
          loss: finite.map((value) => value + 0),
          validationAccuracy: fc.option(fc.integer({ min: 0, max: 1 })),
          learningRate: finite.map((value) => value + 0),
        }),
        { maxLength: 5 },
      ),
    });
  });

describe("a checkpoint", () => {
  it("comes back to the last bit", () => {
    fc.assert(
      fc.property(checkpoints, fc.string(), (checkpoint, key) => {
        expect(decodeCheckpoint(encodeCheckpoint(checkpoint, key), key)).toEqual(checkpoint);
      }),
    );
  });

  it("of the same state is the same bytes", () => {
    expect(encodeCheckpoint(EXAMPLE, "job")).toEqual(encodeCheckpoint(structuredClone(EXAMPLE), "job"));
  });

  it("of another job isn't taken", () => {
    expect(decodeCheckpoint(encodeCheckpoint(EXAMPLE, "job"), "other")).toBeUndefined();
  });

  it("of an older format isn't taken", () => {
    const older = withCounters(JSON.stringify({ key: "job", promptSteps: 9, prototypeSteps: 9 }));
    expect(decodeCheckpoint(older(encodeCheckpoint(EXAMPLE, "job")), "job")).toBeUndefined();
  });

  it("cut anywhere is told from a whole one", () => {
    const bytes = encodeCheckpoint(EXAMPLE, "job");
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
        expect(() => decodeCheckpoint(bytes.subarray(0, length), "job")).toThrow(
          expect.objectContaining({ name: "EngineError", code: "bad_safetensors" }),
        );
      }),
    );
  });

  it.each([
    { damage: "counters that aren't JSON", change: withCounters("{") },
    { damage: "counters that aren't an object", change: withCounters("7") },
    {
      damage: "no counters",
      change: (bytes: Uint8Array) => writeSafetensors(readSafetensors(bytes).tensors, new Map()),
    },
    { damage: "no moments", change: without("prompt.mean") },
    { damage: "no best prompt", change: without("best.prompt") },
    { damage: "no tensor of the head", change: without("head.prototypes") },
  ])("with $damage is refused with words", ({ change }) => {
    expect(() => decodeCheckpoint(change(encodeCheckpoint(EXAMPLE, "job")), "job")).toThrow(
      expect.objectContaining({
        name: "EngineError",
        code: "bad_safetensors",
        hint: "Delete it and start afresh.",
      }),
    );
  });

  it("with moments of another length, or a number that isn't finite, is refused", () => {
    const { state } = EXAMPLE;
    const { prompt } = state;
    const moments = { ...prompt.moments, mean: new Float32Array(1) };
    const short = { ...state, prompt: { ...prompt, moments } };
    expect(() => decodeCheckpoint(encodeCheckpoint({ ...EXAMPLE, state: short }, "job"), "job")).toThrow(
      "1 numbers in prompt.mean instead of 2",
    );
    const broken = { ...state, prompt: { ...prompt, values: Float32Array.of(1, Number.NaN) } };
    expect(() => decodeCheckpoint(encodeCheckpoint({ ...EXAMPLE, state: broken }, "job"), "job")).toThrow(
      expect.objectContaining({ code: "non_finite" }),
    );
  });
});

const EXAMPLE: Checkpoint = {
  state: {
    epoch: 2,
    step: 1,
    lossSum: 3.5,
    prompt: {
      values: Float32Array.of(1, 2),
      moments: { step: 9, mean: Float32Array.of(4, 5), square: Float32Array.of(6, 7) },
    },
    head: {
      prototypes: {
        values: Float32Array.of(3),
        moments: { step: 9, mean: Float32Array.of(8), square: Float32Array.of(9) },
      },
    },
    batchRandom: [1, 2, 3, 4],
    dropoutRandom: [5, 6, 7, 8],
  },
  best: { epoch: 1, score: 0.5, prompt: Float32Array.of(0, 1), head: { prototypes: Float32Array.of(2) } },
  curve: [{ epoch: 1, loss: 2, validationAccuracy: 0.5, learningRate: 0.01 }],
};

function withCounters(json: string) {
  return (bytes: Uint8Array) =>
    writeSafetensors(readSafetensors(bytes).tensors, new Map([["kilotune.checkpoint", json]]));
}

function without(name: string) {
  return (bytes: Uint8Array) => {
    const { tensors, metadata } = readSafetensors(bytes);
    return writeSafetensors(new Map([...tensors].filter(([each]) => each !== name)), metadata);
  };
}
