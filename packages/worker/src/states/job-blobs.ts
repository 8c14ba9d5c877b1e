import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import type { Service } from "@kilotune/service";
import type { Execution } from "./context.ts";

/** What a job keeps between its states, as blobs `jobs/<job>/..` of its tenant: whichever machine goes on finds it. */
export function jobBlob({ job }: Execution, ...names: readonly string[]): string {
  return ["jobs", job, ...names].join("/");
}

/** undefined where there is none. */
export async function readBlob(
  { blobs }: Service,
  { tenant }: Execution,
  name: string,
): Promise<Buffer | undefined> {
  const blob = await blobs.open(tenant, name);
  return blob && Buffer.concat(await collect(blob.chunks));
}

export async function writeFileOf(chunks: AsyncIterable<Uint8Array>, file: string): Promise<void> {
  await pipeline(chunks, createWriteStream(file, { flags: "wx" }));
}

/** A folder for a state's files, gone with it. */
export async function scratchFolder(parent: string): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(path.join(parent, "job-"));
  return {
    path: folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export async function removeJobBlobs({ blobs }: Service, execution: Execution): Promise<void> {
  const { tenant } = execution;
  const names = await collect(blobs.list(tenant, `${jobBlob(execution)}/`));
  for (const { path: name } of names) await blobs.remove(tenant, name);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
