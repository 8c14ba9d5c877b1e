import { cacheFolder, hubUrl } from "@kilotune/backbone";
import path from "node:path";
import { packageFunctions, ZIP_BYTES } from "../infra/functions/package.ts";
import { buildLayers } from "../infra/layers/build.ts";
import { ONNXRUNTIME_UNZIPPED, TOTAL_UNZIPPED } from "../infra/layers/limits.ts";
import { defineBench, say } from "./support/bench.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "bytes of what Lambda runs: functions' zips, layers, and the largest of them together",
  goal: "zip <= 5 MB each, ONNX Runtime <= 50 MB, minilm-l6 <= 95 MB and in int8 <= 40 MB, all <= 240 MB unzipped; twice the same bytes",
  flags: {},
  run: () =>
    withFolder(async (folder) => {
      const functions = await packageFunctions(path.join(folder, "one"));
      const again = await packageFunctions(path.join(folder, "two"));
      const layers = await buildLayers({
        out: path.join(folder, "layers"),
        architectures: ["arm64", "x64"],
        backbones: ["minilm-l6"],
        load: { cache: cacheFolder(process.env), hub: hubUrl(process.env) },
        tell: say,
      });
      const [int8] = await buildLayers({
        out: path.join(folder, "layers-int8"),
        architectures: [],
        backbones: ["minilm-l6"],
        load: { cache: cacheFolder(process.env), hub: hubUrl(process.env), precision: "int8" },
        tell: say,
      });
      const largest = (of: readonly { readonly unzippedBytes: number }[]) =>
        Math.max(...of.map(({ unzippedBytes }) => unzippedBytes));
      const runtimes = layers.filter(({ name }) => name.startsWith("onnxruntime-"));
      const backbones = layers.filter(({ name }) => name.startsWith("backbone-"));
      const totalBytes = largest(functions) + largest(runtimes) + largest(backbones);
      const sameBytes = functions.every(({ sha256 }, at) => sha256 === again[at]?.sha256);
      return {
        figures: {
          functions: Object.fromEntries(
            functions.map(({ name, zipBytes, unzippedBytes }) => [name, { zipBytes, unzippedBytes }]),
          ),
          layers: Object.fromEntries(
            [...layers, { ...int8!, name: `${int8!.name} in int8` }].map(
              ({ name, unzippedBytes, ...layer }) => [
                name,
                { unzippedBytes, ...("zipBytes" in layer && { zipBytes: layer.zipBytes }) },
              ],
            ),
          ),
          totalBytes,
          sameBytes,
        },
        reached:
          sameBytes &&
          functions.every(({ zipBytes }) => zipBytes <= ZIP_BYTES) &&
          largest(runtimes) <= ONNXRUNTIME_UNZIPPED &&
          largest(backbones) <= 95e6 &&
          int8!.unzippedBytes <= 40e6 &&
          totalBytes <= TOTAL_UNZIPPED,
      };
    }),
});
