import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { type CommandLine, type Flag, type Given, runCommand } from "../command.ts";
import { loadOptions, precision } from "../load-options.ts";
import { buildLayers } from "./build.ts";
import { checkLayers } from "./check.ts";
import type { Architecture } from "./elf.ts";
import { CODE_UNZIPPED, megabytes, TOTAL_UNZIPPED } from "./limits.ts";
import { publishLayers } from "./publish.ts";
import type { Layer } from "./record.ts";

const OUT = path.resolve(import.meta.dirname, "../../out/aws/layers");

const out: Flag = { value: "FOLDER", about: "Of the zips and layers.json (default out/aws/layers)" };

export const LAYER: CommandLine = {
  name: "npm run layer --",
  about: "The Lambda layers that functions with a backbone stand on: ONNX Runtime and the backbones.",
  actions: {
    build: {
      about: "Build what has changed: zips of the same content have the same bytes",
      flags: {
        out,
        architecture: { value: "x64|arm64", many: true, about: "Of ONNX Runtime (default both)" },
        backbone: {
          value: "ID|FOLDER",
          many: true,
          about: "Known id, or ./folder of a checkpoint or a bundle (default minilm-l6)",
        },
        precision,
        onnxruntime: {
          value: "PATH",
          about: "Folder or npm tarball of onnxruntime-node (default: as installed)",
        },
      },
      async run(given, tell) {
        const layers = await buildLayers({
          out: folderOf(given),
          architectures: architecturesOf(given.texts("architecture")),
          backbones: given.texts("backbone").length > 0 ? given.texts("backbone") : ["minilm-l6"],
          onnxruntime: given.text("onnxruntime"),
          load: loadOptions(given, tell),
          tell,
        });
        const words = layers.map(
          ({ written, ...layer }) => `${line(layer)}${written ? "" : "  (as before)"}`,
        );
        return { result: { out: folderOf(given), layers }, words };
      },
    },
    check: {
      about: "Read the built layers as Lambda will: hashes, sizes, budgets, processors",
      flags: {
        out,
        code: { value: "BYTES", about: `Unzipped size of the function's code (default ${CODE_UNZIPPED})` },
      },
      async run(given, tell) {
        const checked = await checkLayers(folderOf(given), tell, bytesOf(given.text("code")));
        const total = `with ${megabytes(checked.codeBytes)} of code ${megabytes(checked.totalUnzippedBytes)} of ${megabytes(TOTAL_UNZIPPED)}`;
        return { result: checked, words: [...checked.layers.map(line), total] };
      },
    },
    publish: {
      about: "Publish what isn't published yet; credentials and region as the AWS SDK finds them",
      flags: {
        out,
        prefix: { value: "TEXT", about: "In front of layers' names (default kilotune-)" },
        bucket: { value: "NAME", about: "For zips above 50 MB" },
      },
      async run(given, tell) {
        const layers = await publishLayers({
          out: folderOf(given),
          prefix: prefixOf(given.text("prefix") ?? "kilotune-"),
          bucket: given.text("bucket"),
          tell,
        });
        return {
          result: { layers },
          words: layers.map(({ arn, written }) => `${arn}${written ? "" : "  (was there)"}`),
        };
      },
    },
  },
};

if (import.meta.main) process.exitCode = await runCommand(LAYER, process.argv.slice(2));

function folderOf(given: Given): string {
  return path.resolve(given.text("out") ?? OUT);
}

function architecturesOf(words: readonly string[]): Architecture[] {
  const wrong = words.find((word) => word !== "x64" && word !== "arm64");
  if (wrong !== undefined)
    throw usage(`--architecture: expected x64 or arm64, saw ${JSON.stringify(wrong.slice(0, 40))}`);
  return words.length === 0 ? ["arm64", "x64"] : ([...new Set(words)].sort() as Architecture[]);
}

function bytesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = Number(text);
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw usage(`--code: expected a number of bytes, saw ${JSON.stringify(text.slice(0, 40))}`);
}

function prefixOf(text: string): string {
  if (/^[a-zA-Z0-9-_]{0,60}$/.test(text)) return text;
  throw usage(`--prefix: expected letters, digits, - and _, saw ${JSON.stringify(text.slice(0, 80))}`);
}

function usage(message: string): KilotuneError {
  return new KilotuneError("bad_usage", message, "npm run layer -- --help shows what there is.", {
    kind: "usage",
  });
}

function line(layer: Layer): string {
  const size = `${megabytes(layer.unzippedBytes)} unzipped`;
  const how =
    layer.kind === "layer" ? `${size}, ${megabytes(layer.zipBytes)} zipped` : `${size}: container image`;
  return `${layer.name.padEnd(24)}${how.padEnd(38)}${layer.contentSha256.slice(0, 12)}`;
}
