import { access, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeOnnx, type Graph, readSafetensors } from "@kilotune/engine";
import { type NodeSessionOptions, openNodeSession } from "@kilotune/engine/node";
import type { Backbone } from "../backbone.ts";
import { loadTokenizer } from "../tokenizer/load-tokenizer.ts";
import { readBundle, WEIGHTS_FILE, weightsOf } from "./folder.ts";
import { buildGraph, buildTuneGraph, type GraphSpec, graphFile } from "./graphs.ts";
import { type BackboneManifest, parseManifest } from "./manifest.ts";

/** The backbone in a bundle's folder; undefined where there's no bundle, or one of another format. */
export async function openBundle(
  folder: string,
  options: NodeSessionOptions = {},
): Promise<Backbone | undefined> {
  const manifest = await readBundle(folder, parseManifest);
  if (manifest === undefined) return undefined;
  const [tokenizerJson, tokenizerConfig] = await Promise.all(
    ["tokenizer.json", "tokenizer_config.json"].map(async (name) =>
      JSON.parse(await readFile(path.join(folder, name), "utf8")),
    ),
  );
  return {
    manifest,
    tokenizer: loadTokenizer({ tokenizerJson, tokenizerConfig, ...manifest }),
    async open(spec) {
      return openNodeSession(await graphOf(folder, manifest, spec), options, folder);
    },
    async openTuned(site, head, { dropout = false } = {}) {
      const graph = buildTuneGraph({ site, dropout }, head, manifest.config, await weightsOf(folder));
      return openNodeSession(graph, options, folder);
    },
    async weights() {
      return readSafetensors(new Uint8Array(await readFile(path.join(folder, WEIGHTS_FILE)))).tensors;
    },
    openGraph: (graph) => openNodeSession(graph, options),
  };
}

/**
 * Path of a graph's file; a variant that nobody asked for before is built, and stays. Where the folder can't be written to
 * (a Lambda layer, a container's image), it is the graph itself.
 */
async function graphOf(folder: string, manifest: BackboneManifest, spec: GraphSpec): Promise<string | Graph> {
  const file = path.join(folder, graphFile(spec));
  const stands = await access(file).then(
    () => true,
    () => false,
  );
  if (stands) return file;
  const graph = buildGraph(spec, manifest.config, await weightsOf(folder));
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, encodeOnnx(graph));
  } catch (error) {
    if (READ_ONLY.has((error as NodeJS.ErrnoException).code ?? "")) return graph;
    throw error;
  }
  await rename(temporary, file);
  return file;
}

const READ_ONLY: ReadonlySet<string> = new Set(["EROFS", "EACCES", "EPERM"]);
