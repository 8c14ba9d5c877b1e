import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Backbone } from "@kilotune/backbone";
import { exportPeft, importPrompt, openBaseModel } from "@kilotune/prompt/exchange";
import {
  CHECKPOINT,
  FIXTURES,
  GOLDENS,
  type Logits,
  largestDifference,
  readWanted,
  servedLogits,
  sourceOf,
} from "../test/exchange/tiny-base.ts";
import { type Overlay, runPeer } from "./peer.ts";
import { miniLmCheckpoint, openCheckpoint, openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { REPOSITORY } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about:
    "prompts of PEFT, P-tuning v2, TGIS and NumPy, imported and exported, against PyTorch's logits; goldens and new ones",
  goal: "largest difference of a logit <= 1e-5, against PyTorch in float64",
  flags: { seed: 1, "goldens-only": false },
  async run({ seed, "goldens-only": goldensOnly }) {
    const tiny = { backbone: await openCheckpoint(CHECKPOINT), checkpoint: CHECKPOINT };
    const groups: Record<string, Differences> = { goldens: await compare(tiny, GOLDENS, { live: false }) };
    if (!goldensOnly) {
      const mini = { backbone: await openMiniLm(), checkpoint: await miniLmCheckpoint() };
      for (const [name, model] of Object.entries({ tiny, "minilm-l6": mini }))
        groups[name] = await withFolder(async (folder) => {
          const script = path.join(REPOSITORY, "test/exchange/make.py");
          await runPeer(script, [model.checkpoint, folder, String(seed)], { over: TRANSFORMERS_4 });
          return compare(model, folder, { live: true });
        });
    }
    const ours = Object.values(groups).flatMap(({ imported, exported = {} }) => [
      ...Object.values(imported),
      ...Object.values(exported),
    ]);
    const largest = Math.max(...ours);
    return { figures: { largest, ...groups }, reached: largest <= 1e-5 };
  },
});

/** PEFT refuses prefixes of BERT on transformers 5, which calls their argument by another name. */
const TRANSFORMERS_4: Overlay = {
  name: "transformers-4",
  packages:
    "transformers==4.57.6 peft==0.18.1 huggingface_hub==0.36.0 tokenizers==0.22.1 requests==2.34.2 urllib3==2.8.0 charset_normalizer==3.5.3 idna==3.20 certifi",
};

interface Model {
  readonly backbone: Backbone;
  readonly checkpoint: string;
}

/** Largest difference of a logit from PyTorch's in float64, by fixture. */
interface Differences {
  readonly imported: Readonly<Record<string, number>>;
  /** Ours against PEFT's own, which loaded what we wrote. */
  readonly exported?: Readonly<Record<string, number>>;
  /** How far PyTorch's own logits in float32 are from those in float64: what rounding makes of such a model. */
  readonly ofPyTorchInFloat32: number;
}

/** @param options.live whether PEFT is asked what it makes of our exports */
async function compare(
  { backbone, checkpoint }: Model,
  folder: string,
  { live }: { readonly live: boolean },
): Promise<Differences> {
  const wanted = await readWanted(folder);
  await using base = await openBaseModel(checkpoint, backbone.manifest);
  const imported: Record<string, number> = {};
  const ours = new Map<string, Logits>();
  for (const name of Object.keys(FIXTURES)) {
    const { source, options } = sourceOf(name, folder);
    const { prompt } = await importPrompt(source, base, options);
    const logits = await servedLogits(backbone, prompt, wanted.texts);
    imported[name] = largestDifference(logits, wanted.float64[name] as Logits);
    // PEFT reads the first position alone.
    if (!live || options.pooling !== undefined) continue;
    await writeExport(path.join(folder, "exported", name), await exportPeft(prompt, base));
    ours.set(name, logits);
  }
  const roundings = Object.entries(wanted.float32).map(([name, logits]) =>
    largestDifference(logits, wanted.float64[name] as Logits),
  );
  const ofPyTorchInFloat32 = Math.max(...roundings);
  if (!live) return { imported, ofPyTorchInFloat32 };
  return { imported, exported: await askPeft(checkpoint, folder, wanted.texts, ours), ofPyTorchInFloat32 };
}

async function writeExport(folder: string, files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of files) await writeFile(path.join(folder, name), content);
}

/** What PEFT says of our exports: all of them on transformers 4, tokens also on the newest. */
async function askPeft(
  checkpoint: string,
  folder: string,
  texts: readonly string[],
  ours: ReadonlyMap<string, Logits>,
): Promise<Record<string, number>> {
  const [from, to] = [path.join(folder, "texts.json"), path.join(folder, "logits.json")];
  await writeFile(from, JSON.stringify(texts));
  const script = path.join(REPOSITORY, "bench/peers/peft_logits.py");
  const differences: Record<string, number> = {};
  const ask = async (
    names: readonly string[],
    suffix: string,
    over: { readonly over?: Overlay },
    tokens = TOKENS,
  ) => {
    const folders = names.map((name) => path.join(folder, "exported", name));
    await runPeer(script, [checkpoint, from, to, String(tokens), ...folders], over);
    const theirs: Logits[] = JSON.parse(await readFile(to, "utf8"));
    for (const [at, name] of names.entries())
      differences[`${name}${suffix}`] = largestDifference(ours.get(name) as Logits, theirs[at] as Logits);
  };
  const lora = [...ours.keys()].filter((name) => name.startsWith("lora"));
  const names = [...ours.keys()].filter((name) => !lora.includes(name));
  await ask(names, "", { over: TRANSFORMERS_4 });
  // It takes no positions from a text.
  await ask(lora, "", { over: TRANSFORMERS_4 }, 0);
  await ask(lora, ", newest transformers", {}, 0);
  const tokens = names.filter((name) => !name.includes("prefix") && !name.startsWith("p-tuning-v2"));
  await ask(tokens, ", newest transformers", {});
  return differences;
}

/** Of each prompt that make.py writes. */
const TOKENS = 5;
