import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { openTiny, toyFile } from "../../packages/local/src/testing.ts";
import { newTenant, type Served, servedWith } from "./served.ts";

/** Servers of a backbone so small that a job takes a second: for journeys where it doesn't matter what is answered. */
export interface TinyPlace extends AsyncDisposable {
  /** The newest server's folder. */
  readonly data: string;
  /** Another server on the folder; the one before must have ended. */
  start(...flags: readonly string[]): Promise<Served>;
  /** With the folder's admin key: a tenant, by its key. */
  newTenant(name: string): Promise<string>;
  readonly adminKey: string;
}

export async function openTinyPlace(): Promise<TinyPlace> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-journey-"));
  const tiny = await openTiny();
  const data = path.join(folder, "data");
  let server: Served | undefined;
  let adminKey = "";
  return {
    data,
    async start(...flags) {
      const environment = { KILOTUNE_CACHE: path.join(folder, "cache") };
      // Not the lowest priority: other tests run beside this one.
      const all = ["--backbone", tiny.checkpoint, "--tune-nice", "0", ...flags];
      server = await servedWith(environment, data, ...all);
      adminKey = server.adminKey ?? adminKey;
      return server;
    },
    newTenant: (name) => newTenant(server as Served, adminKey, name),
    get adminKey() {
      return adminKey;
    },
    async [Symbol.asyncDispose]() {
      await server?.kill();
      await tiny[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** JSONL, texts of the same three topics for each seed; `labels` name the topics. */
export const rows = toyFile;

/** The texts of `rows`. */
export function textsOf(content: string): string[] {
  return content
    .trimEnd()
    .split("\n")
    .map((row) => JSON.parse(row).text as string);
}
