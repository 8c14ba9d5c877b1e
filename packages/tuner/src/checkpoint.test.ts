import { readSafetensors, writeSafetensors } from "@kilotune/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

const word = fc.nat({ max: 2 ** 32 - 1 });
const random = fc.tuple(word, word, word, fc.integer({ min: 1, max: 2 ** 32 - 1 }));
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const count = fc.nat({ max: 1e6 });

const checkpoints: fc.Arbitrary<Checkpoint> = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }))
  .chain(([promptSize, prototypeSize]) => {
    const numbers = (size: number) =>
      fc
        .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: size, maxLength: size })
        .map((values) => Float32Array.from(values));
    const moments = (size: number) => fc.record({ step: count, mean: numbers(size), square: numbers(size) });
    const learnt = { prompt: numbers(promptSize), prototypes: numbers(prototypeSize) };
    return fc.record({
      state: fc.record({
        ...learnt,
        epoch: count,
        step: count,
        lossSum: finite.map((value) => value + 0),
        batchRandom: random,
        dropoutRandom: random,
        promptMoments: moments(promptSize),
        prototypeMoments: moments(prototypeSize),
      }),
      best: fc.option(fc.record({ ...learnt, epoch: count, accuracy: finite.map((value) => value + 0) }), {
        nil: undefined,
      }),
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
    const short = { ...state, promptMoments: { ...state.promptMoments, mean: new Float32Array(1) } };
    expect(() => decodeCheckpoint(encodeCheckpoint({ ...EXAMPLE, state: short }, "job"), "job")).toThrow(
      "1 numbers in prompt.mean instead of 2",
    );
    const broken = { ...state, prompt: Float32Array.of(1, Number.NaN) };
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
    prompt: Float32Array.of(1, 2),
    prototypes: Float32Array.of(3),
    promptMoments: { step: 9, mean: Float32Array.of(4, 5), square: Float32Array.of(6, 7) },
    prototypeMoments: { step: 9, mean: Float32Array.of(8), square: Float32Array.of(9) },
    batchRandom: [1, 2, 3, 4],
    dropoutRandom: [5, 6, 7, 8],
  },
  best: { epoch: 1, accuracy: 0.5, prompt: Float32Array.of(0, 1), prototypes: Float32Array.of(2) },
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
