import { appendFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { mainFigure } from "@kilotune/contract";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { CACHE, sharedFile } from "./support/places.ts";
import { mean, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about: "banking77 and clinc150, whole: kv and LoRA against full fine-tuning on the same rows and epochs",
  goal: "the better prompt (by held-out rows) closes >= 80 % of the gap from linear probe to full fine-tuning",
  flags: { epochs: 4, seed: 0, shots: 0, minutes: 25, afresh: false },
  async run({ epochs, seed, shots, minutes, afresh }) {
    const began = performance.now();
    const log = await openLog([epochs, seed, shots], afresh);
    const sets = [];
    let left = 0;
    for (const set of ["banking77", "clinc150"]) {
      const found: Record<string, Measured> = {};
      for (const method of ["kv", "lora", "full"] as const) {
        const name = `${set} ${method}`;
        const known = log.get(name);
        if (known === undefined && (performance.now() - began) / 60_000 > minutes) {
          left++;
          say(`${name}: no time left; the same command goes on from here`);
          continue;
        }
        const result = known ?? (await measure(set, method, { epochs, seed, shots }));
        if (known === undefined) await log.add(name, result);
        say(`${name}: ${JSON.stringify(result)}`);
        found[method] = result;
      }
      const { kv, lora, full } = found;
      if (kv === undefined || lora === undefined || full === undefined) continue;
      const [best, prompt] = kv.heldOut >= lora.heldOut ? (["kv", kv] as const) : (["lora", lora] as const);
      const gap = full.test - prompt.probe;
      sets.push({ set, best, gap, closed: gap > 0 ? (prompt.test - prompt.probe) / gap : 1, ...found });
    }
    const closed = mean(sets.map((each) => each.closed));
    const figures = { epochs, shots, left, closed, sets };
    return { figures, reached: left === 0 && sets.every((each) => each.closed >= 0.8) };
  },
});

/** Accuracies in percent. */
interface Measured {
  readonly heldOut: number;
  readonly test: number;
  readonly probe: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** One method on one set. Test files are answered once a method and choose nothing. */
async function measure(
  set: string,
  method: "kv" | "lora" | "full",
  { epochs, seed, shots }: { epochs: number; seed: number; shots: number },
): Promise<Measured> {
  const full = method === "full";
  const { report, seconds } = await tuneOnce(await openMiniLm(), sharedFile(`data/${set}`), {
    seed,
    epochs,
    method: full ? "head" : method,
    ...(full && { fullTuning: true }),
    ...(shots > 0 && { shots }),
  });
  const of = (name: string) => report.candidates.find((each) => each.name === name);
  const figure = (name: string, where: "heldOut" | "test") => {
    const score = of(name)?.[where];
    return score ? 100 * mainFigure(score).value : Number.NaN;
  };
  // A prompt that doesn't pay isn't published, and has no test figure then: it counts as the probe.
  const test = figure(method, "test");
  const probe = figure("linearProbe", "test");
  return {
    heldOut: figure(method, "heldOut"),
    test: Number.isNaN(test) ? probe : test,
    probe,
    bytes: of(method)?.sizeBytes ?? Number.NaN,
    seconds: seconds.tune,
  };
}

/** What was measured, a line each, so that a bench which was stopped goes on. */
async function openLog(asked: readonly number[], afresh: boolean) {
  const folder = path.join(CACHE, "bench");
  const file = path.join(folder, "fullset.jsonl");
  const key = JSON.stringify(asked);
  const known = new Map<string, Measured>();
  const text = afresh ? "" : await readFile(file, "utf8").catch(() => "");
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [of, name, result] = JSON.parse(line) as [string, string, Measured];
    if (of === key) known.set(name, result);
  }
  return {
    get: (name: string) => known.get(name),
    async add(name: string, result: Measured) {
      await mkdir(folder, { recursive: true });
      await appendFile(file, `${JSON.stringify([key, name, result])}\n`);
    },
  };
}
