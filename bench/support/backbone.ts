import { type Backbone, hubUrl, loadBackbone, pullBackbone } from "@kilotune/backbone";
import { say } from "./bench.ts";
import { CACHE } from "./places.ts";

/** As many as the Python peers take, so that both sides have the same machine. */
export const THREADS = 2;

export async function openMiniLm(): Promise<Backbone> {
  return loadBackbone("minilm-l6", options());
}

/** A checkpoint's folder as a backbone. */
export async function openCheckpoint(folder: string): Promise<Backbone> {
  return loadBackbone(folder, options());
}

/** The folder with minilm-l6's own files, for the Python peers. */
export async function miniLmCheckpoint(): Promise<string> {
  return pullBackbone("minilm-l6", options());
}

function options() {
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
