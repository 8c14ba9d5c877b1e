import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { sha256OfFile } from "@kilotune/backbone";

/** A file of a layer: where it will lie below /opt, and where its bytes are now. */
export interface LayerFile {
  /** With forward slashes. */
  readonly path: string;
  readonly source: string | Uint8Array;
}

/** A file whose bytes were read. */
export interface MeasuredFile extends LayerFile {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface Content {
  /** Sorted by path. */
  readonly files: readonly MeasuredFile[];
  readonly unzippedBytes: number;
  /**
   * Of paths and bytes: two layers with the same one are the same layer, whenever, wherever and by whatever zlib they were
   * packed.
   */
  readonly sha256: string;
}

export async function measure(files: readonly LayerFile[]): Promise<Content> {
  const measured: MeasuredFile[] = [];
  for (const file of files) {
    const { source } = file;
    const isFile = typeof source === "string";
    measured.push({
      ...file,
      sizeBytes: isFile ? (await stat(source)).size : source.length,
      sha256: isFile ? await sha256OfFile(source) : createHash("sha256").update(source).digest("hex"),
    });
  }
  return contentOf(measured);
}

export function contentOf(files: readonly MeasuredFile[]): Content {
  const measured = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const sha256 = createHash("sha256")
    .update(JSON.stringify(measured.map(({ path, sha256 }) => [path, sha256])))
    .digest("hex");
  return {
    files: measured,
    unzippedBytes: measured.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    sha256,
  };
}

/** The first bytes of a file: enough for its kind. */
export async function headOf(source: string | Uint8Array): Promise<Uint8Array> {
  if (typeof source !== "string") return source.subarray(0, 64);
  const file = await open(source, "r");
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(64), 0, 64, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
