import { bytesOfDataUrl, isDataUrl, KilotuneError, type TenantId } from "@kilotune/contract";
import type { ImageInput } from "@kilotune/contract/wire";
import { DEFAULT_LIMITS } from "@kilotune/image";
import type { Service } from "./context.ts";
import { invalidValue, notFound } from "./errors.ts";
import { readFile } from "./files.ts";
import type { ImageSource } from "./inference.ts";
import { filePath } from "./kinds.ts";

/**
 * The images of a request: their bytes, or the files that they are, which are there and the tenant's own. Nothing is
 * fetched from anywhere else.
 *
 * @throws KilotuneError `image_address`, `image_data_url`, `image_too_many_bytes`, `images_too_large`, `not_found`,
 * `invalid_value`, each naming its place
 */
export async function openImages(
  service: Service,
  tenant: TenantId,
  images: readonly ImageInput[],
): Promise<ImageSource[]> {
  const sources: ImageSource[] = [];
  let bytes = 0;
  for (const [at, given] of images.entries()) {
    const source =
      "image" in given
        ? within(given.image, `images.${at}.image`)
        : await fileOf(service, tenant, given.file_id, `images.${at}.file_id`);
    bytes += source.sizeBytes;
    if (bytes > MAX_CALL_BYTES) throw tooLarge();
    sources.push(source);
  }
  return sources;
}

/** Whoever answers reads the files, where it answers. @throws KilotuneError `not_found` where it was deleted since */
export async function readImage(
  { blobs }: Pick<Service, "blobs">,
  tenant: TenantId,
  source: ImageSource,
): Promise<Uint8Array> {
  if ("bytes" in source) return source.bytes;
  const blob = await blobs.open(tenant, filePath(source.file));
  if (blob === undefined) throw notFound("file", source.param);
  const parts: Uint8Array[] = [];
  for await (const part of blob.chunks) parts.push(part);
  return Buffer.concat(parts);
}

function within(text: string, param: string): ImageSource {
  if (!isDataUrl(text)) throw /^data:/i.test(text.slice(0, 5)) ? brokenUrl(param) : noImage(text, param);
  const bytes = bytesOfDataUrl(text);
  return { bytes, sizeBytes: bytes.length, param };
}

async function fileOf(service: Service, tenant: TenantId, id: string, param: string): Promise<ImageSource> {
  const { value } = await readFile(service, tenant, id, param);
  if (value.purpose !== "vision") throw invalidValue(param, "a file with the purpose vision", value.purpose);
  return { file: value.id, sizeBytes: value.bytes, param };
}

function noImage(text: string, param: string): KilotuneError {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text.slice(0, 64))) return brokenUrl(param);
  return new KilotuneError(
    "image_address",
    `${param}: expected the image itself, saw an address. This server fetches nothing.`,
    "Send it as a data: URL, or upload it with the purpose vision and send its file_id.",
    { param },
  );
}

function brokenUrl(param: string): KilotuneError {
  return new KilotuneError(
    "image_data_url",
    `${param}: expected \`data:image/png;base64,..\`, saw another form.`,
    "Write the file's bytes in base64, without line ends.",
    { param },
  );
}

function tooLarge(): KilotuneError {
  return new KilotuneError(
    "images_too_large",
    `images: expected at most ${MAX_CALL_BYTES} bytes together, saw more.`,
    "Send fewer in one call, or a batch.",
    { param: "images" },
  );
}

/** Two of the largest: they are in memory until they are answered. */
const MAX_CALL_BYTES = 2 * DEFAULT_LIMITS.maxBytes;
