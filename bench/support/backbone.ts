import { type Backbone, hubUrl, loadBackbone, type Precision, pullBackbone } from "@kilotune/backbone";
import { say } from "./bench.ts";
import { CACHE } from "./places.ts";

/** As many as the Python peers take, so that both sides have the same machine. */
export const THREADS = 2;

export async function openMiniLm(precision: Precision = "fp32"): Promise<Backbone> {
  return loadBackbone("minilm-l6", { ...backboneOptions(), precision });
}

/** A checkpoint's folder as a backbone. */
export async function openCheckpoint(folder: string): Promise<Backbone> {
  return loadBackbone(folder, backboneOptions());
}

/** The folder with minilm-l6's own files, for the Python peers. */
export async function miniLmCheckpoint(): Promise<string> {
  return pullBackbone("minilm-l6", backboneOptions());
}

export function backboneOptions() {
  let said = "";
  return {
    cache: CACHE,
    hub: hubUrl(process.env),
    threads: THREADS,
    onBuild: (bundle: string) => say(`building ${bundle}`),
    onProgress: ({ file, source }: { file: string; source: string }) => {
      if (said !== file) say(`fetching ${file} (${source})`);
      said = file;
    },
  };
}
