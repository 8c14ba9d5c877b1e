import type { Backbone } from "@kilotune/backbone";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import { prng } from "@kilotune/dataset";
import { float32, openReferenceSession, type Session, sizeOf, tensor } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchGradients } from "./batch-gradients.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { promptSite } from "./prompt-site.ts";
import {
  openReparametrisation,
  type Reparametrisation,
  reparametrisationGraph,
  startFactors,
} from "./reparametrisation.ts";
import { type RunOptions, runTuning } from "./run-tuning.ts";
import { SETTINGS, toyData, toyTexts, WORDS } from "./testing.ts";
import { type ClassifiedTexts, textClassification } from "./text/classification.ts";

const WAYS: readonly Reparametrisation[] = [
  { kind: "low-rank", rank: 2 },
  { kind: "mlp", width: 6 },
];
const SHAPES = [
  [5, 8],
  [2, 2, 3, 5, 4],
];
const CASES = WAYS.flatMap((how) => SHAPES.map((dims) => [how.kind, dims, how] as const));

/** Different from what they begin as: the last of them are zero then. */
function someFactors(how: Reparametrisation, dims: readonly number[], stream = "factors"): Float32Array {
  const random = prng(1, stream);
  return startFactors(how, { dims }, random).map(() => random.normal());
}

describe.each(CASES)("%s of a prompt of %j", (_, dims, how) => {
  const session = openReferenceSession(reparametrisationGraph(how, dims), {
    weights: () => float32([], [0]),
  });
  const size = sizeOf(dims);
  const random = prng(2, "numbers");
  const normals = (length: number) => Float64Array.from({ length }, () => random.normal());
  const run = async (factors: Float64Array, start: Float64Array, upstream: Float64Array) =>
    session.run({
      factors: tensor("float64", factors, [factors.length]),
      start: tensor("float64", start, dims),
      upstream: tensor("float64", upstream, dims),
    });

  it("begins at the prompt's own start, whatever that is", async () => {
    const factors = startFactors(how, { dims }, prng(3, "start"));
    expect(startFactors(how, { dims }, prng(3, "start"))).toEqual(factors);
    expect(factors.some((value) => value !== 0)).toBe(true);
    const start = normals(size);
    const { prompt } = await run(Float64Array.from(factors), start, normals(size));
    expect([...prompt!.data]).toEqual([...start]);
  });

  it("has the gradient that finite differences have", async () => {
    const factors = Float64Array.from(someFactors(how, dims));
    const [start, upstream] = [normals(size), normals(size)];
    const gradient = (await run(factors, start, upstream))["grad.factors"]!.data as Float64Array;
    for (let trial = 0; trial < 3; trial++) {
      const direction = normals(factors.length);
      const at = async (step: number) =>
        (
          await run(
            factors.map((value, i) => value + step * direction[i]!),
            start,
            upstream,
          )
        ).loss!.data[0] as number;
      const measured = ((await at(1e-5)) - (await at(-1e-5))) / 2e-5;
      const expected = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      expect(Math.abs(measured - expected)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)));
    }
  });

  it("a token's numbers are its own row of the factors' product", async () => {
    const factors = Float64Array.from(someFactors(how, dims));
    const before = (await run(factors, new Float64Array(size), normals(size))).prompt!.data;
    // The first factor has a row a token: another first row is another first token alone.
    const changed = factors.slice();
    changed[0] = changed[0]! + 1;
    const after = (await run(changed, new Float64Array(size), normals(size))).prompt!.data;
    const [P, D] = [dims.at(-2)!, dims.at(-1)!];
    const tokens = new Set<number>();
    before.forEach((value, at) => {
      if (value !== after[at]) tokens.add(Math.floor(at / D) % P);
    });
    expect([...tokens]).toEqual([0]);
  });
});

it("low-rank: the prompt less its start has the rank, by hand", async () => {
  const how = { kind: "low-rank", rank: 1 } as const;
  const session = openReferenceSession(reparametrisationGraph(how, [2, 3]), {
    weights: () => float32([], [0]),
  });
  const { prompt } = await session.run({
    factors: float32([2, -1, 1, 2, 3], [5]),
    start: float32([0, 0, 1, 0, 0, 1], [2, 3]),
    upstream: float32(new Float32Array(6), [2, 3]),
  });
  expect([...prompt!.data]).toEqual([2, 4, 7, -1, -2, -2]);
});

describe("a run", () => {
  let tiny: TinyBackbone;
  let backbone: Backbone;
  let opened: Session[];
  let data: ClassifiedTexts;
  let prototypes: Float32Array;
  beforeAll(async () => {
    tiny = await tinyBackbone({ words: WORDS });
    backbone = tiny.backbone;
    const lower = await backbone.open({ kind: "lower", firstLayer: 1 });
    const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 1 } });
    opened = [lower, plain];
    ({ data, prototypes } = await toyData(backbone, lower, plain, toyTexts(6)));
  });
  afterAll(async () => {
    await Promise.all(opened.map((session) => session.release()));
    await tiny[Symbol.asyncDispose]();
  });

  const taskOf = () => textClassification(backbone, SETTINGS, data, prototypes);
  const run = (how: Reparametrisation | undefined, more: Partial<RunOptions> = {}) =>
    runTuning({
      settings: SETTINGS,
      task: taskOf(),
      ...(how && { through: { how, openGraph: backbone.openGraph } }),
      ...more,
    });

  it.each(WAYS)("through $kind learns, and ends with a prompt of the plain layout", async (how) => {
    const plain = await run(undefined);
    const { prompt, curve } = await run(how);
    expect(prompt).toHaveLength(plain.prompt.length);
    expect(prompt).not.toEqual(plain.prompt);
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
    expect(await run(how)).toMatchObject({ prompt });
    if (how.kind === "low-rank") expect(rankOf(moved(prompt))).toBe(2);
    expect(rankOf(moved(plain.prompt))).toBe(3);
  });

  /** What learning added to the random start, [P, X]. */
  const moved = (prompt: Float32Array): number[][] => {
    const site = promptSite(SETTINGS, backbone.manifest);
    const start = site.start(prng(SETTINGS.seed, "prompt"));
    const [P, D] = site.dims.slice(-2) as [number, number];
    const rows: number[][] = Array.from({ length: P }, () => []);
    prompt.forEach((value, at) => {
      rows[Math.floor(at / D) % P]!.push(value - start[at]!);
    });
    return rows;
  };

  it.each(WAYS)("through $kind goes on from any of its checkpoints to the same bytes", async (how) => {
    const files: Uint8Array[] = [];
    let now = 0;
    const save = async (checkpoint: Parameters<typeof encodeCheckpoint>[0]) =>
      void files.push(encodeCheckpoint(checkpoint, "job"));
    const checkpoint = { load: async () => undefined, save };
    // The clock lets it save between epochs, too.
    const whole = await run(how, { checkpoint, clock: () => (now += 6000) });
    expect(files.length).toBeGreaterThan(SETTINGS.epochs);
    for (const file of files.filter((_, at) => at % 2 === 0)) {
      const load = async () => decodeCheckpoint(file, "job");
      expect(await run(how, { checkpoint: { load, save: async () => {} } })).toEqual(whole);
    }
  });

  it.each(WAYS)("through $kind: the loss falls as the factors' gradient says", async (how) => {
    const task = taskOf();
    const session = await task.open({ dropout: false });
    const through = await openReparametrisation(how, task.site!, backbone.openGraph);
    const start = task.site!.start(prng(1, "prompt")).map((value) => 10 * value);
    const factors = someFactors(how, task.site!.dims, "end to end");
    const context = { task, session, masks: undefined };
    const batch = [...data.store.lengths.keys()];
    const at = async (values: Float32Array) => {
      const prompt = await through.prompt(values, start);
      return batchGradients(context, { prompt, head: { prototypes } }, batch, 0, prng(1, "none"));
    };
    const gradient = await through.gradient(factors, start, (await at(factors)).prompt);
    const length = Math.hypot(...gradient);
    const step = 0.02;
    const along = (sign: number) => factors.map((value, i) => value + (sign * step * gradient[i]!) / length);
    const measured = ((await at(along(1))).loss - (await at(along(-1))).loss) / (2 * step);
    expect(Math.abs(measured / length - 1)).toBeLessThan(0.02);
    await Promise.all([session.release(), through.release()]);
  });
});

/** By Gram-Schmidt. */
function rankOf(rows: readonly (readonly number[])[]): number {
  const basis: number[][] = [];
  for (const row of rows) {
    const rest = [...row];
    for (const each of basis) {
      const share = each.reduce((sum, value, i) => sum + value * rest[i]!, 0);
      each.forEach((value, i) => {
        rest[i]! -= share * value;
      });
    }
    const length = Math.hypot(...rest);
    if (length > 1e-4 * Math.hypot(...row)) basis.push(rest.map((value) => value / length));
  }
  return basis.length;
}
