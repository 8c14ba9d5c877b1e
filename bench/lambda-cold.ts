import { readFileSync } from "node:fs";
import os from "node:os";
import { bundleOf, cacheFolder, hubUrl } from "@kilotune/backbone";
import { readEnvironment } from "../packages/aws/src/environment.ts";
import { openService } from "../packages/aws/src/service.ts";
import { build } from "../test/aws/built.ts";
import { openCloud } from "../test/aws/cloud.ts";
import { type LambdaProcess, MOUNTS } from "../test/aws/lambda-process.ts";
import { plant } from "../test/aws/plant.ts";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, Unavailable } from "./support/bench.ts";
import { percentile } from "./support/percentile.ts";

export const bench = defineBench({
  about:
    "the built function `infer` and its layers in a fresh process on one processor: start to first answer",
  goal: "median of init and first answer <= 1.5 s, peak <= 700 MB",
  flags: { runs: 7 },
  async run({ runs }) {
    const backbone = await openMiniLm();
    const bundle = await bundleOf("minilm-l6", { cache: cacheFolder(process.env), hub: hubUrl(process.env) });
    await using built = await build(["infer", "api"], bundle);
    const cloud = await openCloud({ built, backbone, tune: async () => null });
    if (cloud === undefined)
      throw new Unavailable("ministack isn't installed; node test/setup/prepare.ts does");
    await using running = cloud;
    Object.assign(process.env, CREDENTIALS, running.environment);
    const planted = await plant(openService(readEnvironment(running.environment)), backbone.manifest, 1);
    const event = { task: "classify", inputs: ["where is my parcel"], ...planted };
    const { task, tenant, promptId, inputs } = event;

    const colds: Cold[] = [];
    for (let run = 0; run <= runs; run++) {
      await using infer = await running.another("infer", { cpu: os.availableParallelism() - 1 });
      const startMs = performance.now();
      const { payload, error } = await infer.invoke({ task, tenant, promptId, inputs });
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
        ...medians,
        runsMs: colds.map(({ totalMs }) => totalMs),
        layout: MOUNTS ? "as Lambda's" : "by environment",
      },
      reached: medians.totalMs <= 1500 && Math.max(...colds.map(({ peakBytes }) => peakBytes)) <= 700e6,
    };
  },
});

const CREDENTIALS = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };

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
