import { createPredictor } from "@kilotune/serving";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { randomPrompts } from "./support/random-prompts.ts";

export const bench = defineBench({
  about: "10,000 prompts served through a cache of 256 MB, 2,000 switches: resident memory",
  goal: "peak within 700 MB, growth < 5 % over the second half",
  flags: { prompts: 10_000, switches: 2_000 },
  async run({ prompts: count, switches }) {
    const backbone = await openMiniLm();
    // A store of 64 prompts stands for 10,000: each name is loaded, kept and dropped as a prompt of its own.
    const store = await randomPrompts(backbone, 64, { tokens: 8 });
    const predictor = await createPredictor({
      backbone,
      cacheBytes: 256e6,
      loadPrompt: async (ref) => store[Number(ref) % store.length]!,
    });
    const resident: number[] = [];
    const serve = async (prompt: number) => {
      await predictor.classify([
        { text: `where is my parcel number ${prompt % 10}`, prompt: String(prompt) },
      ]);
      resident.push(process.memoryUsage.rss());
    };
    for (let prompt = 0; prompt < count; prompt++) await serve(prompt);
    for (let at = 0; at < switches; at++) await serve((at * 7919) % count);
    await predictor.close();
    const [half, end] = [resident[Math.floor(resident.length / 2)] as number, resident.at(-1) as number];
    const peak = resident.reduce((most, now) => Math.max(most, now));
    const growth = (end - half) / half;
    const figures = { prompts: count, switches, peakMb: peak / 1e6, growth, storedPrompts: store.length };
    return { figures, reached: peak <= 700e6 && growth < 0.05 };
  },
});
