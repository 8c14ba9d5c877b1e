import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createHash } from "node:crypto";
import { tinyBackbone } from "@kilotune/backbone/testing";
import type { PromptId } from "@kilotune/contract";
import { createPredictor } from "@kilotune/serving";
import type { Blobs } from "@kilotune/store";
import { PromptFiles } from "../../packages/aws/src/prompt-files.ts";
import { randomPromptBytes } from "../support/random-prompts.ts";
import { serving } from "./assumptions.ts";
import { type ServingSettings, simulateServing, type Use } from "./serving.ts";

export interface Replayed {
  readonly calls: number;
  readonly environments: number;
  readonly memoryHits: { readonly model: number; readonly real: number };
  /** GETs of S3 a call. */
  readonly gets: { readonly model: number; readonly real: number };
  /** The larger of both deviations from what is real. */
  readonly deviation: number;
}

/**
 * The model's calls, one by one, given to the real thing: the predictor with its cache in memory and the files on disk that
 * the function `infer` has, an environment each, with real prompts of many sizes. The model knows their mean alone.
 */
export async function replay({
  calls,
  tenants,
  tokens,
}: {
  readonly calls: number;
  readonly tenants: number;
  /** Of each prompt; varied, with methods and first layers, where left out. */
  readonly tokens?: number;
}): Promise<Replayed> {
  // Its metrics go to stdout, where the result of a bench is.
  process.env.POWERTOOLS_METRICS_DISABLED = "true";
  const { promptSource, refOf } = await import("../../packages/aws/src/prompt-source.ts");
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-replay-"));
  await using tiny = await tinyBackbone({ words: ["card"] });
  const { backbone } = tiny;
  try {
    const files = [...randomPromptBytes(backbone, tenants, tokens === undefined ? {} : { tokens })];
    const ids = files.map((bytes) => createHash("sha256").update(bytes).digest("hex") as PromptId);
    const byPath = new Map(ids.map((id, at) => [`prompts/${id}.safetensors`, files[at] as Uint8Array]));
    let gets = 0;
    const blobs = {
      async open(_: string, name: string) {
        gets++;
        const bytes = byPath.get(name) as Uint8Array;
        return {
          size: bytes.length,
          chunks: (async function* () {
            yield bytes;
          })(),
        };
      },
    } as unknown as Blobs;
    const open = (name: string, memoryBytes: number, diskBytes: number) => {
      const disk = new PromptFiles(path.join(folder, name), diskBytes);
      return createPredictor({
        backbone,
        loadPrompt: promptSource({ blobs }, disk),
        cacheBytes: memoryBytes,
      });
    };
    const ask = (predictor: Awaited<ReturnType<typeof open>>, prompt: number) =>
      predictor.classify([{ text: "card", prompt: refOf("tn-replay", ids[prompt] as string) }]);

    const all = await open("all", 1e12, 1e12);
    for (let prompt = 0; prompt < tenants; prompt++) await ask(all, prompt);
    const prepared = all.stats().prompts.bytes / tenants;
    await all.close();
    const onDisk = files.reduce((sum, { length }) => sum + length, 0) / tenants;
    gets = 0;

    const [memoryPrompts, diskPrompts] = [tenants / 20, tenants / 5];
    const uses: Use[] = [];
    const figures = simulateServing(traffic(tenants, calls, memoryPrompts, diskPrompts), (use) =>
      uses.push(use),
    );
    // Those that were counted: the last ones.
    const from = uses.length - figures.simulated;
    const environments = new Map<number, Awaited<ReturnType<typeof open>>>();
    let [hits, counted, countedGets] = [0, 0, 0];
    for (const [at, { environment, prompt }] of uses.entries()) {
      const name = String(environment);
      const predictor =
        environments.get(environment) ?? (await open(name, memoryPrompts * prepared, diskPrompts * onDisk));
      environments.set(environment, predictor);
      const before = { loads: predictor.stats().prompts.loads, gets };
      await ask(predictor, prompt);
      if (at < from) continue;
      counted++;
      hits += predictor.stats().prompts.loads === before.loads ? 1 : 0;
      countedGets += gets - before.gets;
    }
    for (const predictor of environments.values()) await predictor.close();
    const memoryHits = { model: figures.memoryHits, real: hits / counted };
    const ofGets = { model: figures.gets, real: countedGets / counted };
    const deviation = Math.max(
      ...[memoryHits, ofGets].map(({ model, real }) => Math.abs(model - real) / real),
    );
    return { calls: counted, environments: environments.size, memoryHits, gets: ofGets, deviation };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Enough calls at once for some environments, caches too small for all, and nothing that is kept for a time. */
function traffic(
  tenants: number,
  calls: number,
  memoryPrompts: number,
  diskPrompts: number,
): ServingSettings {
  return {
    ...serving(tenants, 1, calls),
    requestsPerDay: 10 * 86_400,
    memoryPrompts,
    diskPrompts,
    keptSeconds: Number.POSITIVE_INFINITY,
  };
}
