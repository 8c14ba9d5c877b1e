import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { exportPeft, importPrompt } from "@kilotune/prompt/exchange";
import { expect, it } from "vitest";
import { hasPeers, runPeer } from "../../bench/peer.ts";
import {
  CHECKPOINT,
  FIXTURES,
  GOLDENS,
  type Logits,
  largestDifference,
  openTinyBase,
  readWanted,
  servedLogits,
  sourceOf,
} from "./tiny-base.ts";

/** Other kinds need other versions of transformers: the bench `peft` asks for all of them, on both backbones. */
const NAMES = Object.keys(FIXTURES).filter((name) => name.startsWith("lora"));

it.skipIf(!(await hasPeers()))(
  "real PEFT loads our LoRA exports and gives our logits",
  async () => {
    await using tiny = await openTinyBase();
    const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-peft-"));
    try {
      const { texts } = await readWanted(GOLDENS);
      const ours: Logits[] = [];
      for (const name of NAMES) {
        const { source, options } = sourceOf(name, GOLDENS);
        const { prompt } = await importPrompt(source, tiny.base, options);
        ours.push(await servedLogits(tiny.backbone, prompt, texts));
        await mkdir(path.join(folder, name));
        for (const [file, content] of await exportPeft(prompt, tiny.base))
          await writeFile(path.join(folder, name, file), content);
      }
      const [from, to] = [path.join(folder, "texts.json"), path.join(folder, "logits.json")];
      await writeFile(from, JSON.stringify(texts));
      const script = path.resolve(import.meta.dirname, "../../bench/peers/peft_logits.py");
      await runPeer(script, [CHECKPOINT, from, to, "0", ...NAMES.map((name) => path.join(folder, name))]);
      const theirs: Logits[] = JSON.parse(await readFile(to, "utf8"));
      expect(theirs).toHaveLength(NAMES.length);
      for (const [at, logits] of theirs.entries())
        expect(largestDifference(ours[at] as Logits, logits)).toBeLessThan(1e-5);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  120_000,
);
