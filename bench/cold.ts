import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { encodePrompt } from "@kilotune/prompt";
import { writePromptFile } from "@kilotune/prompt/node";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { REPOSITORY } from "./support/places.ts";
import { randomPrompts } from "./support/random-prompts.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "process start to first answer with a warm disk, the bundle built: the whole command line",
  goal: "median <= 0.9 s",
  flags: { runs: 9 },
  async run({ runs }) {
    const backbone = await openMiniLm();
    const [stored] = await randomPrompts(backbone, 1, { tokens: 8 });
    return withFolder(async (folder) => {
      const file = path.join(folder, "prompt.safetensors");
      await writePromptFile(file, encodePrompt(stored!.prompt, { storage: "float16" }));
      const cli = path.join(REPOSITORY, "packages/cli/src/main.ts");
      const seconds: number[] = [];
      for (let run = 0; run <= runs; run++) {
        const start = performance.now();
        await promisify(execFile)(process.execPath, [
          cli,
          "classify",
          "--json",
          "--prompt",
          file,
          "where is my parcel",
        ]);
        // The first run warms the disk.
        if (run > 0) seconds.push((performance.now() - start) / 1000);
      }
      const median = seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)] as number;
      return {
        figures: { medianSeconds: median, minSeconds: Math.min(...seconds), runs: seconds },
        reached: median <= 0.9,
      };
    });
  },
});
