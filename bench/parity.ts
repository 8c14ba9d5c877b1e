import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Prng, prng } from "@kilotune/dataset";
import { readSafetensors } from "@kilotune/engine";
import { createPredictor } from "@kilotune/serving";
import { runPeer } from "./peer.ts";
import { miniLmCheckpoint, openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { exampleFile, REPOSITORY, sharedFile } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";
import { readRows } from "./support/texts.ts";

export const bench = defineBench({
  about:
    "served sentence vectors of minilm-l6 vs transformers in Python, texts of up to 256 tokens, 7 languages",
  goal: "cosine >= 0.99999 for each of 500 texts",
  flags: { texts: 500, seed: 0 },
  async run({ texts: count, seed }) {
    const texts = await drawTexts(count, prng(seed, "parity"));
    const backbone = await openMiniLm();
    const predictor = await createPredictor({
      backbone,
      loadPrompt: () => Promise.reject(new Error("no text has a prompt here")),
    });
    const ours = await predictor.embed(texts);
    await predictor.close();
    const theirs = await peerVectors(texts);
    const { hiddenSize } = backbone.manifest.config;
    const cosines = ours.map(({ vector }, at) => cosine(vector, theirs.subarray(at * hiddenSize)));
    const lengths = texts.map((text) => backbone.tokenizer.encode(text).ids.length);
    const lowest = Math.min(...cosines);
    const figures = {
      texts: texts.length,
      lowestCosine: lowest,
      meanCosine: cosines.reduce((sum, each) => sum + each, 0) / cosines.length,
      worstText: texts[cosines.indexOf(lowest)]?.slice(0, 80),
      tokens: { shortest: Math.min(...lengths), longest: Math.max(...lengths) },
    };
    return { figures, reached: lowest >= 0.99999 };
  },
});

/** Two thirds as people wrote them, one third put together from their words, up to and past the limit of 256 tokens. */
async function drawTexts(count: number, random: Prng): Promise<string[]> {
  const files = [
    sharedFile("data/banking77/test.jsonl"),
    sharedFile("data/clinc150/test.jsonl"),
    ...["en", "de", "it", "nl", "tr", "ja"].map((language) => sharedFile(`data/xsid/${language}-test.jsonl`)),
    exampleFile("test-es.jsonl"),
  ];
  const written = (await Promise.all(files.map(readRows))).map((rows) =>
    random.shuffle(rows.map(({ text }) => text)),
  );
  const words = written.flat().flatMap((text) => text.split(" "));
  return Array.from({ length: count }, (_, at) => {
    const file = written[at % written.length] as string[];
    if (at % 3 !== 0) return file[Math.floor(at / written.length) % file.length] as string;
    const length = 1 + random.integer(220);
    return Array.from({ length }, () => words[random.integer(words.length)]).join(" ");
  });
}

async function peerVectors(texts: readonly string[]): Promise<Float32Array> {
  return withFolder(async (folder) => {
    const [from, to] = [path.join(folder, "texts.json"), path.join(folder, "vectors.safetensors")];
    await writeFile(from, JSON.stringify(texts));
    const script = path.join(REPOSITORY, "bench/peers/sentence_vectors.py");
    await runPeer(script, [await miniLmCheckpoint(), from, to]);
    const { tensors } = readSafetensors(new Uint8Array(await readFile(to)));
    return tensors.get("vectors")?.data as Float32Array;
  });
}

/** In float64, of vectors whose lengths needn't be exactly one. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  a.forEach((x, at) => {
    const y = b[at] as number;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  });
  return dot / Math.sqrt(aa * bb);
}
