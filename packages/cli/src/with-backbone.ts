import {
  type Backbone,
  cacheFolder,
  hubUrl,
  type LoadOptions,
  loadBackbone,
  loadVisionBackbone,
  type Precision,
  type PullProgress,
  type VisionBackbone,
} from "@kilotune/backbone";
import { bar } from "./terminal/bar.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { bytes, percent } from "./terminal/units.ts";

/** A known id or a folder -> the backbone, fetched and built where needed, with a bar while that goes on. */
export async function openBackbone(
  name: string,
  terminal: Terminal,
  { signal, precision = "fp32" }: { readonly signal?: AbortSignal; readonly precision?: Precision } = {},
): Promise<Backbone> {
  const backbone = await loadBackbone(name, {
    ...pullSettings(terminal, signal),
    precision,
    onBuild: () => terminal.progress("Building the backbone's graphs"),
  });
  terminal.endProgress();
  return backbone;
}

/** The same for a backbone of images. */
export async function openVision(
  name: string,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<VisionBackbone> {
  const backbone = await loadVisionBackbone(name, {
    ...pullSettings(terminal, signal),
    onBuild: () => terminal.progress("Building the backbone's graphs"),
  });
  terminal.endProgress();
  return backbone;
}

/** As a flag. Without `default` a command takes the prompt's. */
export const precisionFlag = {
  kind: "choice",
  of: ["fp32", "int8"],
  about: "int8: a quarter of the bytes, and faster",
} as const;

/** Where backbones come from and go to, as the environment says, and the bar for their bytes. */
export function pullSettings(terminal: Terminal, signal?: AbortSignal): LoadOptions {
  const { environment } = terminal.io;
  return {
    cache: cacheFolder(environment),
    hub: hubUrl(environment),
    onProgress: (progress) => terminal.progress(pullLine(progress)),
    ...(signal === undefined ? {} : { signal }),
  };
}

function pullLine({ file, receivedBytes, totalBytes, source }: PullProgress): string {
  const share = totalBytes === 0 ? 1 : receivedBytes / totalBytes;
  const amount = `${bytes(receivedBytes)} of ${bytes(totalBytes)}`;
  return `Fetching ${file} (${source})  ${bar(share, 24)}  ${percent(share)}, ${amount}`;
}
