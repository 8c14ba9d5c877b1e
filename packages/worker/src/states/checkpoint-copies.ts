import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Service } from "@kilotune/service";
import { CHECKPOINT_NAME } from "../checkpoint-files.ts";
import type { Execution } from "./context.ts";
import { writeFileOf } from "./job-blobs.ts";

export interface CheckpointCopies {
  /** From the blobs into the folder. */
  restore(): Promise<void>;
  /** Those that have changed since, from the folder into the blobs. */
  save(): Promise<void>;
}

/** A running job's checkpoints, as blobs: they outlive the machine. */
export function checkpointCopies(
  { blobs }: Service,
  { tenant }: Execution,
  { blobs: there, folder }: { readonly blobs: string; readonly folder: string },
): CheckpointCopies {
  const saved = new Map<string, string>();
  const versionOf = async (file: string) => {
    const { mtimeMs, size } = await stat(file);
    return `${mtimeMs} ${size}`;
  };
  return {
    async restore() {
      await mkdir(folder, { recursive: true });
      for await (const { path: name } of blobs.list(tenant, `${there}/`)) {
        const blob = await blobs.open(tenant, name);
        const file = path.join(folder, path.posix.basename(name));
        if (blob === undefined) continue;
        await writeFileOf(blob.chunks, file);
        saved.set(path.basename(file), await versionOf(file));
      }
    },
    async save() {
      const names = await readdir(folder).catch(() => []);
      for (const name of names.filter((each) => CHECKPOINT_NAME.test(each))) {
        // A file of its name is whole, may be replaced at any moment, so its version is taken first, and is removed
        // where the work is done.
        const file = path.join(folder, name);
        const version = await versionOf(file).catch(() => undefined);
        if (version === undefined || saved.get(name) === version) continue;
        const bytes = await readFile(file).catch(() => undefined);
        if (bytes === undefined) continue;
        await blobs.put(tenant, `${there}/${name}`, bytes);
        saved.set(name, version);
      }
    },
  };
}
