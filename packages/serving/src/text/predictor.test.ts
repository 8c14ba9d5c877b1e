import type { Backbone } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import type { StoredPrompt } from "@kilotune/prompt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPredictor, type Predictor, type PredictorOptions } from "./predictor.ts";
import { type PromptShape, randomNumbers, randomPrompt, textOf, tinyBackbone } from "./testing.ts";

const tiny = await tinyBackbone();
const { backbone } = tiny;
const open: Predictor[] = [];
afterAll(async () => {
  await Promise.all(open.map((predictor) => predictor.close()));
  await tiny[Symbol.asyncDispose]();
});

const SHAPES: Readonly<Record<string, PromptShape>> = {
  kv5: { method: "kv", tokens: 5, firstLayer: 1 },
  kv20: { method: "kv", tokens: 20, head: "linear" },
  kv50: { method: "kv", tokens: 50, firstLayer: 2 },
  soft5: { method: "soft", tokens: 5 },
  soft20: { method: "soft", tokens: 20 },
  none: { method: "head", head: "linear" },
};

const names = Object.keys(SHAPES);
const promptNamed = (name: string) =>
  randomPrompt(backbone.manifest, 50 + names.indexOf(name), SHAPES[name]!);

async function predictorOf(options: Partial<PredictorOptions> = {}): Promise<Predictor> {
  const predictor = await createPredictor({
    backbone,
    loadPrompt: async (ref) => promptNamed(ref),
    ...options,
  });
  open.push(predictor);
  return predictor;
}

const logitsOf = async (predictor: Predictor, text: string, prompt: string) =>
  (await predictor.classify([{ text, prompt }], { logits: true }))[0]!.logits!;

describe("classify", () => {
  let predictor: Predictor;
  beforeAll(async () => {
    predictor = await predictorOf();
  });

  it("answers in the order of the requests, with everything that was asked for", async () => {
    const [first, second] = await predictor.classify(
      [
        { text: "my card was lost", prompt: "kv5" },
        { text: "the refund is late", prompt: "none" },
      ],
      { logits: true, topK: 2 },
    );
    expect(first).toMatchObject({ promptId: promptNamed("kv5").id, truncated: false });
    expect(second).toMatchObject({ promptId: promptNamed("none").id, truncated: false });
    const { label, score, scores, logits } = first!;
    expect(scores).toHaveLength(2);
    expect(scores[0]).toEqual({ label, score });
    const best = logits!.indexOf(Math.max(...logits!));
    expect(["refund", "delivery", "other"][best]).toBe(label);
    const powers = logits!.map((logit) => Math.exp(logit / 1.5));
    expect(score).toBeCloseTo(powers[best]! / powers.reduce((a, b) => a + b), 12);
  });

  it("gives all labels and no logits unless asked", async () => {
    const [prediction] = await predictor.classify([{ text: "help", prompt: "soft5" }]);
    expect(prediction!.scores).toHaveLength(3);
    expect(prediction!.scores.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 12);
    expect(prediction).not.toHaveProperty("logits");
  });

  it("answers for an empty text and for blanks as for one another (known fault 69)", async () => {
    const [empty, blank] = ["", " \n\t "].map((text) => logitsOf(predictor, text, "kv5"));
    expect(await empty).toEqual(await blank);
    expect(await predictor.classify([])).toEqual([]);
  });

  // peft#2438: loading in training mode randomly gave the base model's predictions.
  it("gives 1,000 alternating calls with and without a prompt the same two answers", async () => {
    const text = "my card was lost";
    const seen = { kv5: new Set<string>(), none: new Set<string>() };
    for (let call = 0; call < 1000; call++) {
      const prompt = call % 2 === 0 ? "kv5" : "none";
      seen[prompt].add(JSON.stringify(await logitsOf(predictor, text, prompt)));
    }
    expect([seen.kv5.size, seen.none.size]).toEqual([1, 1]);
    expect([...seen.kv5]).not.toEqual([...seen.none]);
  });

  // peft#54, ReProver#34: a prompt beside the padding, a mask that lacked it.
  it("gives a row the same bits beside a row five times as long", async () => {
    const short = textOf(9, randomNumbers(1));
    const long = textOf(45, randomNumbers(2));
    for (const prompt of names) {
      const requests = [long, short, long].map((text) => ({ text, prompt }));
      const mixed = await predictor.classify(requests, { logits: true });
      expect(mixed[1]!.logits).toEqual(await logitsOf(predictor, short, prompt));
    }
  });

  // NeMo Speech#3309: all prompts of a batch had to share one length.
  it("mixes prompts of 5, 20 and 50 tokens and none in one call, each as alone", async () => {
    const text = "please help my card is lost";
    const mixed = await predictor.classify(
      names.map((prompt) => ({ text, prompt })),
      { logits: true },
    );
    for (const [at, prompt] of names.entries()) {
      expect(mixed[at]!.logits).toEqual(await logitsOf(predictor, text, prompt));
    }
    expect(new Set(mixed.map(({ logits }) => logits!.join())).size).toBe(names.length);
  });

  // vllm#44250: a prefix cache's key lacked the adapter.
  it("gives one text two answers under two prompts", async () => {
    const text = "my card was lost";
    const first = await logitsOf(predictor, text, "kv5");
    expect(await logitsOf(predictor, text, "kv20")).not.toEqual(first);
    expect(await logitsOf(predictor, text, "kv5")).toEqual(first);
  });

  // lorax#767: parallel requests with different adapters polluted each other's output.
  it("keeps 64 parallel calls over all prompts apart", async () => {
    const uniform = randomNumbers(3);
    const requests = Array.from({ length: 64 }, (_, at) => ({
      text: textOf(1 + Math.floor(uniform() * 20), uniform),
      prompt: names[at % names.length]!,
    }));
    const alone = await predictor.classify(requests, { logits: true, alone: true });
    for (let round = 0; round < 15; round++) {
      const answers = await Promise.all(requests.map((each) => predictor.classify([each], { logits: true })));
      expect(answers.flat()).toEqual(alone);
    }
  });

  it("runs what fits in few passes, and each row by itself where asked", async () => {
    const requests = names.slice(3).map((prompt) => ({ text: "help", prompt }));
    const before = predictor.stats().batches;
    await predictor.classify([...requests, ...requests]);
    // soft5 and the head share a bucket, soft20 has one of its own.
    expect(predictor.stats().batches.passes - before.passes).toBe(2);
    await predictor.classify([...requests, ...requests], { alone: true });
    expect(predictor.stats().batches).toEqual({
      waiting: 0,
      passes: before.passes + 8,
      rows: before.rows + 12,
    });
  });
});

describe("long texts", () => {
  const texts = [511, 512, 513].map((tokens) => textOf(tokens - 2, randomNumbers(tokens)));

  // transformers#5611: text beyond 512 positions, an index error.
  it("reads 511 and 512 tokens whole and reports the cut of 513, soft tokens in front or not (known faults 22 and 72)", async () => {
    const predictor = await predictorOf();
    for (const prompt of ["soft20", "kv20", "none"]) {
      const predictions = await predictor.classify(texts.map((text) => ({ text, prompt })));
      expect(predictions.map(({ truncated }) => truncated)).toEqual([false, false, true]);
    }
    const embeddings = await predictor.embed(texts);
    expect(embeddings.map(({ truncated }) => truncated)).toEqual([false, false, true]);
  });

  it("cuts at the prompt's own limit as if the text had ended there", async () => {
    const loadPrompt = async () =>
      randomPrompt(backbone.manifest, 1, { method: "kv", tokens: 4, maxTokens: 10 });
    const predictor = await predictorOf({ loadPrompt });
    const words = textOf(30, randomNumbers(4)).split(" ");
    const [long, short] = await predictor.classify(
      [words, words.slice(0, 8)].map((part) => ({ text: part.join(" "), prompt: "" })),
      { logits: true },
    );
    expect([long!.truncated, short!.truncated]).toEqual([true, false]);
    expect(long!.logits).toEqual(short!.logits);
  });

  it("never reads beyond the backbone's limit, whatever a prompt asks for", async () => {
    const loadPrompt = async () => randomPrompt(backbone.manifest, 1, { method: "head", maxTokens: 100_000 });
    const predictor = await predictorOf({ loadPrompt });
    const [prediction] = await predictor.classify([{ text: texts[2]!, prompt: "" }]);
    expect(prediction!.truncated).toBe(true);
  });
});

describe("embed", () => {
  it("equals the rows of a prompt without tokens, and itself in any company", async () => {
    const uniform = randomNumbers(6);
    const texts = Array.from({ length: 24 }, () => textOf(1 + Math.floor(uniform() * 40), uniform));
    const predictor = await predictorOf({ loadPrompt: async () => identityPrompt(backbone) });
    const together = await predictor.embed(texts);
    const alone = await predictor.embed(texts, { alone: true });
    expect(together).toEqual(alone);
    const rows = await predictor.classify(
      texts.map((text) => ({ text, prompt: "identity" })),
      { logits: true },
    );
    for (const [at, { logits }] of rows.entries()) {
      const { vector } = together[at]!;
      expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
      logits!.forEach((value, h) => {
        expect(Math.abs(value - vector[h]!)).toBeLessThan(1e-6);
      });
    }
  });
});

/** A linear head whose logits are the sentence vector itself. */
function identityPrompt({ manifest }: Backbone): StoredPrompt {
  const { hiddenSize } = manifest.config;
  const labels = Array.from({ length: hiddenSize }, (_, h) => `${h}`);
  const stored = randomPrompt(manifest, 1, { method: "head", labels, head: "linear" });
  const weight = new Float32Array(hiddenSize ** 2);
  for (let h = 0; h < hiddenSize; h++) weight[h * (hiddenSize + 1)] = 1;
  const head = { kind: "linear" as const, weight, bias: new Float32Array(hiddenSize), scale: 1 };
  return { ...stored, prompt: { ...stored.prompt, head } };
}

it.each(["lora", "bias"] as const)(
  "mixes %s of several tenants in one pass; rows without keep their bits",
  async (method) => {
    const loadPrompt = async (ref: string) =>
      ref === "head"
        ? promptNamed("none")
        : randomPrompt(backbone.manifest, Number(ref), { method, firstLayer: Number(ref) % 3, size: 0.3 });
    const predictor = await predictorOf({ loadPrompt });
    const text = "my card was lost";
    const alone = new Map<string, readonly number[]>();
    for (const ref of ["head", "1", "2"]) alone.set(ref, await logitsOf(predictor, text, ref));
    expect(alone.get("1")).not.toEqual(alone.get("2"));
    const { passes } = predictor.stats().batches;
    const refs = ["1", "head", "2", "1", "head"];
    const answers = await predictor.classify(
      refs.map((prompt) => ({ text, prompt })),
      { logits: true },
    );
    expect(answers.map(({ logits }) => logits)).toEqual(refs.map((ref) => alone.get(ref)));
    expect(predictor.stats().batches.passes - passes).toBe(2);
  },
);

describe("prompts that fail", () => {
  it("refuses biases of another width than the backbone's", async () => {
    const { config } = backbone.manifest;
    const wide = { ...backbone.manifest, config: { ...config, intermediateSize: 60 } };
    const predictor = await predictorOf({
      loadPrompt: async () => randomPrompt(wide, 1, { method: "bias" }),
    });
    await expect(predictor.classify([{ text: "help", prompt: "x" }])).rejects.toMatchObject({
      code: "backbone_mismatch",
      message: "expected biases of a wide product of 64 outputs, but saw 60",
    });
  });

  it("refuses a prompt of another backbone, with both hashes", async () => {
    const stored = promptNamed("kv5");
    const { manifest } = stored.prompt;
    const other = { ...manifest.backbone, weightsSha256: "f".repeat(64) };
    const prompt = { ...stored.prompt, manifest: { ...manifest, backbone: other } } as StoredPrompt["prompt"];
    const predictor = await predictorOf({ loadPrompt: async () => ({ ...stored, prompt }) });
    const answer = predictor.classify([{ text: "help", prompt: "x" }]);
    await expect(answer).rejects.toMatchObject({
      code: "backbone_mismatch",
      message: expect.stringContaining("f".repeat(64)),
    });
  });

  it.each(["kv", "soft"] as const)(
    "refuses a %s prompt of more tokens than any bucket has",
    async (method) => {
      const loadPrompt = async () => randomPrompt(backbone.manifest, 1, { method, tokens: 129 });
      const predictor = await predictorOf({ loadPrompt });
      const answer = predictor.classify([{ text: "help", prompt: "x" }]);
      await expect(answer).rejects.toMatchObject({ code: "prompt_too_long" });
    },
  );

  // gateway-api-inference-extension#584: one bad adapter blocked the rest.
  it("answers others while one prompt hangs and one is corrupt", async () => {
    const hangs = new Promise<StoredPrompt>(() => {});
    const predictor = await createPredictor({
      backbone,
      loadPrompt: async (ref) => {
        if (ref === "hangs") return hangs;
        if (ref === "corrupt") throw new KilotuneError("bad_prompt", "corrupt", "Tune again.");
        return promptNamed(ref);
      },
    });
    const stop = new AbortController();
    const waits = predictor.classify([{ text: "help", prompt: "hangs" }], { signal: stop.signal });
    const fails = predictor.classify([
      { text: "help", prompt: "kv5" },
      { text: "help", prompt: "corrupt" },
    ]);
    await expect(fails).rejects.toMatchObject({ code: "bad_prompt" });
    expect(await predictor.classify([{ text: "help", prompt: "kv5" }])).toHaveLength(1);
    stop.abort(new Error("enough"));
    await expect(waits).rejects.toThrow("enough");
    await predictor.close();
  });

  it("tells of logits that are not finite, and keeps them from the neighbours", async () => {
    const loadPrompt = async (ref: string) =>
      ref === "huge"
        ? randomPrompt(backbone.manifest, 1, { method: "kv", tokens: 5, size: 3e38 })
        : promptNamed(ref);
    const predictor = await predictorOf({ loadPrompt });
    const text = "my card was lost";
    const expected = await logitsOf(predictor, text, "kv5");
    const huge = predictor.classify([{ text, prompt: "huge" }]);
    const beside = predictor.classify([{ text, prompt: "kv5" }], { logits: true });
    await expect(huge).rejects.toMatchObject({ code: "non_finite" });
    expect((await beside)[0]!.logits).toEqual(expected);
  });
});

describe("the cache of prompts", () => {
  it("loads a prompt once for parallel calls, and counts what it keeps (known fault 51)", async () => {
    const loads: string[] = [];
    const predictor = await predictorOf({
      loadPrompt: async (ref) => {
        loads.push(ref);
        return promptNamed(ref);
      },
    });
    const request = { text: "help", prompt: "kv5" };
    await Promise.all(Array.from({ length: 20 }, () => predictor.classify([request])));
    expect(loads).toEqual(["kv5"]);
    const { bytes, entries } = predictor.stats().prompts;
    const block = 3 * 2 * 4 * 8 * 8 * 4;
    expect(entries).toBe(1);
    expect(bytes).toBeGreaterThan(block);
    expect(bytes).toBeLessThan(block + 4096);
  });

  // vllm#47724: loading others evicted a running request's adapter, which went on with another user's.
  it("keeps answers right while 50 others pass through a cache of two", async () => {
    const loadPrompt = async (ref: string) =>
      randomPrompt(backbone.manifest, Number(ref), { method: "kv", tokens: 8 });
    const roomy = await predictorOf({ loadPrompt });
    const text = "please help";
    const expected = await Promise.all(["1", "2"].map((prompt) => logitsOf(roomy, text, prompt)));
    const small = await predictorOf({ loadPrompt, cacheBytes: 20_000 });
    const streams = ["1", "2"].map(async (prompt, at) => {
      for (let turn = 0; turn < 25; turn++) {
        expect(await logitsOf(small, text, prompt)).toEqual(expected[at]);
      }
    });
    const others = Array.from({ length: 50 }, (_, at) => logitsOf(small, text, `${at + 3}`));
    await Promise.all([...streams, ...others]);
    const { evictions, bytes } = small.stats().prompts;
    expect(evictions).toBeGreaterThanOrEqual(50);
    expect(bytes).toBeLessThanOrEqual(20_000);
  });
});

describe("close", () => {
  it("answers what was accepted, refuses what comes later, and releases the session once", async () => {
    let released = 0;
    const counted: Backbone = {
      ...backbone,
      open: async (spec) => {
        const session = await backbone.open(spec);
        return {
          ...session,
          release: async () => {
            released++;
            await session.release();
          },
        };
      },
    };
    const predictor = await createPredictor({
      backbone: counted,
      loadPrompt: async (ref) => promptNamed(ref),
      maxBatchRows: 2,
    });
    const requests = Array.from({ length: 9 }, () => ({ text: "help", prompt: "kv5" }));
    const accepted = predictor.classify(requests);
    const closing = [predictor.close(), predictor.close()];
    await expect(predictor.classify(requests)).rejects.toMatchObject({ code: "closed" });
    await expect(predictor.embed(["help"])).rejects.toMatchObject({ code: "closed" });
    expect(await accepted).toHaveLength(9);
    await Promise.all(closing);
    expect(released).toBe(1);
  });
});
