import { type FileHandle, open } from "node:fs/promises";
import { readSafetensorsHeader, readTensor } from "@kilotune/engine";
import type { TensorFile } from "./tensor-file.ts";

/** Opens a safetensors file by its header. Throws `bad_safetensors`, or the file system's errors. */
export async function openSafetensors(path: string): Promise<TensorFile> {
  const file = await open(path, "r");
  try {
    const { entries } = await readSafetensorsHeader(
      (offset, length) => readAt(file, offset, length),
      (await file.stat()).size,
    );
    return {
      path,
      shapes: new Map([...entries].map(([name, { dims }]) => [name, dims])),
      async read(name) {
        const entry = entries.get(name)!;
        return readTensor(name, entry, await readAt(file, entry.offset, entry.length));
      },
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Fewer bytes than asked for where the file ends. */
export async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  // An array of its own, so that its tensors are aligned and can be viewed.
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, offset);
  return bytes.subarray(0, bytesRead);
}
