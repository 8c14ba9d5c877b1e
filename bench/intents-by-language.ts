import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Backbone, loadBackbone } from "@kilotune/backbone";
import { decodePrompt, type StoredPrompt } from "@kilotune/prompt";
import { createPredictor } from "@kilotune/serving";
import { evaluatePrompt, fileSource } from "@kilotune/worker";
import { backboneOptions } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";
import { accuracies, mean, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about:
    "xsid intents in six languages: a prompt a language, and one for all, against the linear probe; three prompts in one batch; --e5 on multilingual-e5-small-q4",
  goal: "no language below its probe by more than two standard errors; three prompts in one batch bit-equal",
  flags: { seed: 0, e5: false, languages: 6, shots: 0, epochs: 0 },
  async run({ e5, languages: count, ...given }) {
    const options = {
      seed: given.seed,
      ...(given.shots > 0 && { shots: given.shots }),
      ...(given.epochs > 0 && { epochs: given.epochs }),
    };
    const backbone = await loadBackbone(e5 ? "multilingual-e5-small-q4" : "minilm-l6", backboneOptions());
    return withFolder(async (folder) => {
      const languages: Row[] = [];
      const prompts = new Map<string, StoredPrompt>();
      const rowsOf = new Map<string, Record<Split, string[]>>();
      for (const language of LANGUAGES.slice(0, count)) rowsOf.set(language, await readLanguage(language));
      for (const [language, rows] of rowsOf) {
        const { report, bytes } = await tuneOnce(backbone, await write(folder, language, rows), options);
        prompts.set(language, await decodePrompt(bytes));
        languages.push({ language, testRows: rows.test.length, ...accuracies(report) });
        say(JSON.stringify(languages.at(-1)));
      }
      const together = await tuneTogether(backbone, folder, rowsOf, options);
      const differing = await switching(backbone, prompts, rowsOf);
      const behind = languages.filter(({ margin, accuracy, testRows }) => {
        const share = Math.min(Math.max(accuracy / 100, 1 / testRows), 1 - 1 / testRows);
        return margin < -200 * Math.sqrt((share * (1 - share)) / testRows);
      });
      const figures = {
        backbone: backbone.manifest.id,
        languages,
        together,
        meanAccuracy: mean(languages.map(({ accuracy }) => accuracy)),
        meanLinearProbe: mean(languages.map(({ linearProbe }) => linearProbe)),
        differing,
        behind: behind.map(({ language }) => language),
      };
      return { figures, reached: behind.length === 0 && differing === 0 };
    });
  },
});

const LANGUAGES = ["en", "de", "it", "nl", "tr", "ja"] as const;

const SPLITS = ["train", "test"] as const;

type TuneOptions = Parameters<typeof tuneOnce>[2];

type Split = (typeof SPLITS)[number];

type Row = { readonly language: string; readonly testRows: number } & ReturnType<typeof accuracies>;

async function readLanguage(language: string): Promise<Record<Split, string[]>> {
  const read = async (split: Split) => {
    const lines = (await readFile(sharedFile(`data/xsid/${language}-${split}.jsonl`), "utf8"))
      .trim()
      .split("\n");
    // The slots are another bench's.
    return lines.map((line) => {
      const { text, label } = JSON.parse(line);
      return JSON.stringify({ text, label });
    });
  };
  return { train: await read("train"), test: await read("test") };
}

async function write(folder: string, name: string, rows: Record<Split, string[]>): Promise<string> {
  const own = path.join(folder, name);
  await mkdir(own, { recursive: true });
  for (const split of SPLITS)
    await writeFile(path.join(own, `${split}.jsonl`), `${rows[split].join("\n")}\n`);
  return own;
}

/** One prompt of all languages' rows: its accuracy in percent, all together and in each. */
async function tuneTogether(
  backbone: Backbone,
  folder: string,
  rowsOf: ReadonlyMap<string, Record<Split, string[]>>,
  options: TuneOptions,
) {
  const all = (split: Split) => [...rowsOf.values()].flatMap((rows) => rows[split]);
  const data = await write(folder, "all", { train: all("train"), test: all("test") });
  const { report, bytes } = await tuneOnce(backbone, data, options);
  const stored = await decodePrompt(bytes);
  const byLanguage: Record<string, number> = {};
  for (const language of rowsOf.keys()) {
    const test = fileSource(path.join(folder, language, "test.jsonl"));
    const { evaluation } = await evaluatePrompt({ backbone, stored, test });
    byLanguage[language] = 100 * evaluation.accuracy;
  }
  say(JSON.stringify({ together: byLanguage }));
  return { ...accuracies(report), byLanguage };
}

/** Rows of three languages' prompts in one pass, each against its run alone: how many differ in a bit. */
async function switching(
  backbone: Backbone,
  prompts: ReadonlyMap<string, StoredPrompt>,
  rowsOf: ReadonlyMap<string, Record<Split, string[]>>,
): Promise<number> {
  const predictor = await createPredictor({
    backbone,
    loadPrompt: async (language) => prompts.get(language) as StoredPrompt,
  });
  const three = [...prompts.keys()].slice(-3);
  const requests = Array.from({ length: 48 }, (_, at) => {
    const prompt = three[at % three.length] as string;
    const rows = rowsOf.get(prompt)?.test ?? [];
    return { prompt, text: String(JSON.parse(rows[at] as string).text) };
  });
  const mixed = await predictor.classify(requests, { logits: true });
  const alone = await predictor.classify(requests, { logits: true, alone: true });
  await predictor.close();
  return mixed.filter(({ logits }, at) => logits?.join() !== alone[at]?.logits?.join()).length;
}
