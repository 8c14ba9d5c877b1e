import { rm } from "node:fs/promises";
import path from "node:path";
import { type ComparedMethod, isCodedError, mainFigure } from "@kilotune/contract";
import { type CompareResult, fileSource, runComparison } from "@kilotune/worker";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { CACHE, sharedFile } from "./support/places.ts";
import { epochWords, mean } from "./support/tune-once.ts";

export const bench = defineBench({
  about:
    "banking77 and clinc150, whole: kv, LoRA and biases against full fine-tuning on the same rows and epochs",
  goal: "the best prompt (by held-out rows) closes >= 80 % of the gap from linear probe to full fine-tuning",
  flags: { epochs: 4, seed: 0, shots: 0, minutes: 25, afresh: false },
  async run({ epochs, seed, shots, minutes, afresh }) {
    const signal = AbortSignal.timeout(minutes * 60_000);
    const sets = [];
    for (const set of ["banking77", "clinc150"]) {
      const data = sharedFile(`data/${set}`);
      const folder = path.join(CACHE, "bench", "fullset", `${set}-${epochs}-${seed}-${shots}`);
      if (afresh) await rm(folder, { recursive: true, force: true });
      const asked = {
        backbone: await openMiniLm(),
        train: fileSource(path.join(data, "train.jsonl")),
        test: fileSource(path.join(data, "test.jsonl")),
        methods: ["linear-probe", ...PROMPTS, "full"] as const,
        epochs,
        seed,
        ...(shots > 0 && { shots }),
        folder,
        resume: true,
      };
      const onEvent = epochWords();
      const compared = await unlessStopped(
        runComparison(asked, {
          signal,
          onEvent,
          onMethod: (method) => say(`${set} ${JSON.stringify(shown(method))}`),
        }),
      );
      if (compared === undefined) say(`${set}: no time left; the same command goes on from here`);
      else sets.push({ set, ...gapOf(compared) });
    }
    const left = 2 - sets.length;
    const closed = left === 0 ? mean(sets.map((each) => each.closed)) : null;
    const figures = { epochs, shots, left, closed, sets };
    return { figures, reached: left === 0 && sets.every((each) => each.closed >= 0.8) };
  },
});

const PROMPTS = ["kv", "lora", "bias"] as const;

/** How much of the way from the probe to full fine-tuning the best prompt goes, on test rows. */
function gapOf({ methods }: CompareResult) {
  const of = (name: string) => shown(methods.find((each) => each.name === name) as ComparedMethod);
  const [probe, full] = [of("linear-probe"), of("full")];
  const prompts = PROMPTS.map(of);
  const best = prompts.reduce((best, each) => (each.heldOut > best.heldOut ? each : best));
  const gap = full.test - probe.test;
  const closed = gap > 0 ? (best.test - probe.test) / gap : 1;
  return { best: best.name, gap, closed, methods: [probe, ...prompts, full] };
}

/** Accuracies in percent. */
function shown({ name, heldOut, test, sizeBytes, seconds }: ComparedMethod) {
  const figure = (score: ComparedMethod["test"]) => (score ? 100 * mainFigure(score).value : Number.NaN);
  return { name, heldOut: figure(heldOut), test: figure(test), sizeBytes, seconds };
}

async function unlessStopped<Result>(running: Promise<Result>): Promise<Result | undefined> {
  try {
    return await running;
  } catch (error) {
    if (isCodedError(error) && error.code === "interrupted") return undefined;
    throw error;
  }
}
