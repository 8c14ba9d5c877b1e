import path from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");

// SST bundles sst.config.ts as its own program runs it, each time: a package in it would be a thing to install, and slow.
it("sst.config.ts stands on its own files: no package comes with it", async () => {
  const { metafile } = await build({
    entryPoints: [path.join(ROOT, "sst.config.ts")],
    absWorkingDir: ROOT,
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.filter((input) => input.startsWith("infra/stack/")).length).toBeGreaterThan(20);
  expect(inputs.filter((input) => !input.startsWith("infra/stack/")).sort()).toEqual([
    "packages/aws/src/container/exit-codes.ts",
    "packages/worker/src/workflow/definition.ts",
    "packages/worker/src/workflow/tune-job.asl.json",
    "sst.config.ts",
  ]);
});
