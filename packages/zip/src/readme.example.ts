import { open } from "node:fs/promises";
import { openZip } from "@kilotune/zip";

export async function firstOf(path: string): Promise<Uint8Array | undefined> {
  await using file = await open(path);
  const zip = await openZip(file, (await file.stat()).size, { maxMembers: 1000, maxBytes: 100e6 });
  const [name] = zip.names; // zip.chunks(name) gives it in pieces
  return name === undefined ? undefined : await zip.read(name, 10e6);
}
