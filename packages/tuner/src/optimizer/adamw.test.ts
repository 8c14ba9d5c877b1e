import { describe, expect, it } from "vitest";
import { ADAMW_DEFAULTS, initAdamW, updateAdamW } from "./adamw.ts";

describe("AdamW", () => {
  it("moves by hand as the paper says", () => {
    const state = initAdamW(1);
    const parameters = Float32Array.of(1);
    // Step 1: mean 0.2 / (1 - 0.9) = 2, square 0.004 / (1 - 0.999) = 4, so the move is rate * 2 / 2.
    updateAdamW(state, parameters, Float32Array.of(2), 0.1);
    expect(parameters[0]).toBeCloseTo(0.9, 6);
    // Step 2: mean 0.9 * 0.2 - 0.1 = 0.08, by 0.19; square 0.999 * 0.004 + 0.001 = 0.004996, by 0.001999.
    updateAdamW(state, parameters, Float32Array.of(-1), 0.1);
    expect(parameters[0]).toBeCloseTo(0.9 - (0.1 * (0.08 / 0.19)) / Math.sqrt(0.004996 / 0.001999), 6);
    expect(state.step).toBe(2);
  });

  // torch 2: torch.optim.AdamW([p], lr=0.01, weight_decay=decay) in float64, p after each of three steps.
  it.each([
    {
      decay: 0,
      wanted: [
        [0.490000001, -1.240000001, 1.99],
        [0.480678206, -1.243661036, 1.995203318],
        [0.484150441, -1.246491026, 1.991400184],
      ],
    },
    {
      decay: 0.1,
      wanted: [
        [0.489500001, -1.238750001, 1.988],
        [0.479688706, -1.241172286, 1.991215318],
        [0.482681252, -1.242761104, 1.985420969],
      ],
    },
  ])("equals PyTorch's with weight decay $decay", ({ decay, wanted }) => {
    const parameters = Float32Array.of(0.5, -1.25, 2);
    const state = initAdamW(3);
    const gradients = [
      [0.1, -0.2, 0.3],
      [0.05, 0.4, -1],
      [-0.3, 0, 2],
    ];
    gradients.forEach((gradient, step) => {
      const settings = { ...ADAMW_DEFAULTS, weightDecay: decay };
      updateAdamW(state, parameters, Float32Array.from(gradient), 0.01, settings);
      for (const [at, value] of parameters.entries()) expect(value).toBeCloseTo(wanted[step]![at]!, 6);
    });
  });

  it("leaves a parameter alone that never had a gradient", () => {
    const parameters = Float32Array.of(3, 4);
    updateAdamW(initAdamW(2), parameters, Float32Array.of(0, 1), 0.1);
    expect(parameters[0]).toBe(3);
  });
});
