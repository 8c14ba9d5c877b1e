import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadBackbone } from "../load.ts";
import { packTexts } from "../pack-texts.ts";

let cache: string;

beforeAll(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-int8-"));
});

afterAll(() => rm(cache, { recursive: true }));

it.each(["bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert"])(
  "%s in 8 bits: vectors near those of float32",
  async (name) => {
    const folder = fileURLToPath(new URL(`goldens/${name}`, import.meta.url));
    const vectorsOf = async (precision: "fp32" | "int8") => {
      const backbone = await loadBackbone(folder, {
        cache,
        hub: "http://127.0.0.1:9",
        threads: 1,
        precision,
      });
      const rows = ["my card", "where is my new card"].map((text) => backbone.tokenizer.encode(text).ids);
      const length = Math.max(...rows.map((row) => row.length));
      const { pool, ...texts } = packTexts(rows, length, backbone.manifest.pooling);
      const lower = await backbone.open({ kind: "lower", firstLayer: 1 });
      const upper = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 1 } });
      const { hidden } = await lower.run(texts);
      const { embedding } = await upper.run({
        hidden: hidden as Tensor,
        mask: texts.mask as Tensor,
        pool: pool as Tensor,
      });
      await Promise.all([lower.release(), upper.release()]);
      return embedding?.data as Float32Array;
    };
    const [exact, rounded] = [await vectorsOf("fp32"), await vectorsOf("int8")];
    // Two rows of length one: their cosines add up to 2.
    const sum = exact.reduce((total, x, at) => total + x * (rounded[at] as number), 0);
    expect(sum / 2).toBeGreaterThan(0.99);
    expect(sum / 2).toBeLessThan(0.9999999);
  },
);
