import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Feeds, int64, openReferenceSession, readSafetensors, type Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backbone } from "../backbone.ts";
import { buildGraph, type GraphSpec } from "../bundle/graphs.ts";
import { randomNumbers, tinyBackbone } from "../testing.ts";
import { openGolden } from "./testing.ts";

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-whole-"));
});
afterAll(() => rm(cache, { recursive: true }));

const LOSS: GraphSpec = { kind: "whole", wanted: "loss", dropout: false };

// A bench (`gradients`) compares them with PyTorch's.
describe.each(["bert", "mpnet", "modernbert"])("gradients of all weights of a %s", (family) => {
  let backbone: Backbone;
  let feeds: Feeds;
  let weights: [name: string, tensor: Tensor][];
  let reference: (given: Feeds) => Promise<Record<string, Tensor>>;

  beforeAll(async () => {
    const golden = await openGolden(family, cache);
    backbone = golden.backbone;
    const graph = buildGraph(LOSS, backbone.manifest.config, golden.places);
    const session = openReferenceSession(graph);
    reference = (given) => session.run(given);
    weights = [...(await backbone.weights())].map(([name, tensor]) => [`weight.${name}`, tensor]);
    const given = readSafetensors(
      new Uint8Array(await readFile(new URL(`goldens/${family}/given.safetensors`, import.meta.url))),
    ).tensors;
    const ids = given.get("input_ids") as Tensor;
    const [B, S] = ids.dims as [number, number];
    const zeros = int64(new BigInt64Array(B * S), [B, S]);
    const positions = int64(
      Array.from({ length: B * S }, (_, at) => at % S),
      [B, S],
    );
    const names = ["mask", "pool", "prototypes", "targets", "weights", "scale"];
    const rest = Object.fromEntries(names.map((name) => [name, given.get(name) as Tensor]));
    const types = given.get("token_types") ?? zeros;
    feeds = { input_ids: ids, positions, token_types: types, ...rest, ...Object.fromEntries(weights) };
  });

  it("are those of finite differences, all weights moved at once; ONNX Runtime agrees", async () => {
    const exact = await reference(feeds);
    const random = randomNumbers(1);
    const directions = weights.map(([name, { data }]): [string, Float64Array] => [
      name,
      Float64Array.from(data as Float32Array, () => random() - 0.5),
    ]);
    const moved = async (by: number) => {
      const others = weights.map(([name, tensor], at): [string, Tensor] => {
        const direction = (directions[at] as [string, Float64Array])[1];
        const data = Float64Array.from(
          tensor.data as Float32Array,
          (value, i) => value + by * (direction[i] as number),
        );
        return [name, { ...tensor, data: Float32Array.from(data) }];
      });
      return (await reference({ ...feeds, ...Object.fromEntries(others) })).loss?.data[0] as number;
    };
    const central = async (step: number) => ((await moved(step)) - (await moved(-step))) / (2 * step);
    // Richardson: what of the step's square is in it, goes.
    const slope = (4 * (await central(1e-3)) - (await central(2e-3))) / 3;
    let predicted = 0;
    for (const [name, direction] of directions) {
      const gradient = exact[`grad.${name}`]?.data as Float32Array;
      gradient.forEach((each, at) => {
        predicted += each * (direction[at] as number);
      });
    }
    expect(Math.abs(predicted - slope) / Math.abs(slope)).toBeLessThan(5e-3);

    const session = await backbone.open(LOSS);
    const found = await session.run(feeds);
    await session.release();
    for (const [name] of weights) {
      const [ours, wanted] = [found, exact].map((each) => each[`grad.${name}`]?.data as Float32Array);
      const largest = Math.max(1e-3, ...wanted!.map(Math.abs));
      wanted!.forEach((value, at) => {
        expect(Math.abs(ours![at]! - value)).toBeLessThan(1e-3 * largest);
      });
    }
  });
});

it("refuses weights in 8 bits", async () => {
  await using tiny = await tinyBackbone({ words: ["card"], precision: "int8" });
  await expect(tiny.backbone.open(LOSS)).rejects.toMatchObject({ code: "not_tunable" });
});
