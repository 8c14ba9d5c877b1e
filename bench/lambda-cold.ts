import { readFileSync } from "node:fs";
import os from "node:os";
import { type LambdaProcess, MOUNTS } from "../test/aws/lambda-process.ts";
import { defineBench } from "./support/bench.ts";
import { withMiniLmCloud } from "./support/mini-lm-cloud.ts";
import { percentile } from "./support/percentile.ts";

export const bench = defineBench({
  about:
    "the built function `infer` and its layers in a fresh process on one processor: start to first answer",
  goal: "median of init and first answer <= 1.5 s, peak <= 700 MB",
  flags: { runs: 7, int8: false },
  run: ({ runs, int8 }) =>
    withMiniLmCloud(int8 ? "int8" : "fp32", async ({ cloud, planted: { id: tenant, promptId } }) => {
      const event = { task: "classify", tenant, promptId, inputs: ["where is my parcel"] };

      const colds: Cold[] = [];
      for (let run = 0; run <= runs; run++) {
        await using infer = await cloud.another("infer", { cpu: os.availableParallelism() - 1 });
        const startMs = performance.now();
        const { payload, error } = await infer.invoke(event);
        const firstMs = performance.now() - startMs;
        if (error !== undefined || !("classified" in (payload as object))) throw new Error(infer.log());
        // The first run warms the disk.
        if (run > 0)
          colds.push({
            ...partsOf(infer),
            firstMs,
            totalMs: infer.startedMs + firstMs,
            peakBytes: peakOf(infer),
          });
      }
      const median = (part: keyof Cold) =>
        percentile(
          colds.map((cold) => cold[part]),
          0.5,
        );
      const parts = Object.keys(colds[0] as Cold) as (keyof Cold)[];
      const medians = Object.fromEntries(parts.map((part) => [part, median(part)])) as Record<
        keyof Cold,
        number
      >;
      return {
        figures: {
          precision: int8 ? "int8" : "fp32",
          ...medians,
          runsMs: colds.map(({ totalMs }) => totalMs),
          layout: MOUNTS ? "as Lambda's" : "by environment",
        },
        reached: medians.totalMs <= 1500 && Math.max(...colds.map(({ peakBytes }) => peakBytes)) <= 700e6,
      };
    }),
});

/** Times of one after another, and the sum. */
interface Cold {
  readonly nodeStartMs: number;
  readonly importsMs: number;
  /** ONNX Runtime's library, the tokenizer. */
  readonly openLayerMs: number;
  readonly sessionMs: number;
  /** The first call, of which `promptGetMs` is a part, credentials of the tenant included. */
  readonly firstMs: number;
  readonly promptGetMs: number;
  readonly runMs: number;
  readonly totalMs: number;
  readonly peakBytes: number;
}

/** As the function tells of it in its log. */
function partsOf(infer: LambdaProcess) {
  const log = infer.log();
  const number = (name: string) => Number(new RegExp(`"${name}":([\\d.]+)`).exec(log)?.[1]);
  const promptGetMs = number("PromptGetMs");
  return {
    nodeStartMs: infer.bootedMs,
    importsMs: number("importedMs") - infer.bootedMs,
    openLayerMs: number("openLayerMs"),
    sessionMs: number("sessionMs"),
    promptGetMs,
    runMs: number("ms") - promptGetMs,
  };
}

function peakOf({ pid }: LambdaProcess): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return 1024 * Number(kilobytes);
}
