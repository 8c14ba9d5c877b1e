import path from "node:path";
import { readPromptFile, writePromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { randomPromptBytes } from "./support/random-prompts.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "10,000 prompt files served through a cache of 256 MB, then 2,000 switches: resident memory",
  goal: "peak within 700 MB, growth < 5 % over the second half",
  flags: { prompts: 10_000, switches: 2_000 },
  run: ({ prompts, switches }) =>
    withFolder(async (folder) => {
      const backbone = await openMiniLm();
      const file = (ref: string) => path.join(folder, `${ref}.safetensors`);
      let written = 0;
      for (const bytes of randomPromptBytes(backbone, prompts, { tokens: 8 }))
        await writePromptFile(file(String(written++)), bytes);
      say(`${written} files written`);
      const predictor = await createPredictor({
        backbone,
        cacheBytes: 256e6,
        loadPrompt: (ref) => readPromptFile(file(ref)),
      });
      const resident: number[] = [];
      const serve = async (prompt: number) => {
        await predictor.classify([
          { text: `where is my parcel number ${prompt % 10}`, prompt: String(prompt) },
        ]);
        resident.push(process.memoryUsage.rss());
      };
      for (let prompt = 0; prompt < prompts; prompt++) await serve(prompt);
      for (let at = 0; at < switches; at++) await serve((at * 7919) % prompts);
      await predictor.close();
      const [half, end] = [resident[Math.floor(resident.length / 2)] as number, resident.at(-1) as number];
      const peak = resident.reduce((most, now) => Math.max(most, now));
      const growth = (end - half) / half;
      const figures = { prompts, switches, peakMb: peak / 1e6, growth };
      return { figures, reached: peak <= 700e6 && growth < 0.05 };
    }),
});
