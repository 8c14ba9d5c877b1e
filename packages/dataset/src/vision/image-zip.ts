import { bytesOfDataUrl, isDataUrl, KilotuneError } from "@kilotune/contract";
import { openZip, type ZipFile, type ZipLimits } from "@kilotune/zip";
import { excerpt } from "../excerpt.ts";

/** A data set of images in one file: rows, and the files that they name. */
export interface ImageZip {
  /** The one `.jsonl`, from its start at each call. */
  rows(): AsyncGenerator<Uint8Array, void>;
  /** A file by its path as a row writes it. @throws KilotuneError `image_not_found`, `zip_*` */
  read(path: string): Promise<Uint8Array>;
}

/**
 * A zip with one `.jsonl` and, from its folder on, the files that its rows name.
 *
 * @param maxFileBytes of an image or mask
 * @throws KilotuneError `zip_damaged`, `zip_unsafe`, `zip_too_large`, `zip_rows`; the file system's errors
 */
export async function openImageZip(
  file: ZipFile,
  sizeBytes: number,
  maxFileBytes: number,
  limits?: ZipLimits,
): Promise<ImageZip> {
  const zip = await openZip(file, sizeBytes, limits);
  const rows = zip.names.filter((name) => /\.jsonl$/i.test(name));
  const [name, ...others] = rows;
  if (name === undefined || others.length > 0) throw noRows(rows);
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  return {
    rows: () => zip.chunks(name),
    async read(path) {
      // A row's path has no `..`, nor anything else that leaves the folder: the row reader sees to that.
      const parts = path.normalize("NFC").split(/[\\/]/);
      const member = folder + parts.filter((part) => part !== "" && part !== ".").join("/");
      if (!zip.has(member)) throw notFound();
      return zip.read(member, maxFileBytes);
    },
  };
}

/** What a row's `image` or `mask` stands for: the bytes in it, where it is a `data:` URL, else a file of the zip. */
export async function readRowFile(path: string, zip?: ImageZip): Promise<Uint8Array> {
  if (isDataUrl(path)) return bytesOfDataUrl(path);
  if (zip !== undefined) return zip.read(path);
  throw new KilotuneError(
    "image_not_here",
    "expected the image itself, as a data: URL, since the rows came without files.",
    "Send a .zip with the .jsonl and the images that its rows name.",
  );
}

function noRows(seen: readonly string[]): KilotuneError {
  const names = seen.slice(0, 3).map((name) => excerpt(name));
  return new KilotuneError(
    "zip_rows",
    `expected one .jsonl in the zip, seen ${seen.length === 0 ? "none" : `${seen.length}: ${names.join(", ")}`}.`,
    "Put the rows into one file, and training and validation rows into a zip each.",
  );
}

function notFound(): KilotuneError {
  return new KilotuneError(
    "image_not_found",
    "expected a file of the zip, but there is none of that name.",
    "Paths start at the folder of the .jsonl; capital and small letters differ.",
  );
}
