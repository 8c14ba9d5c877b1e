import { KilotuneError, retold } from "@kilotune/contract";
import { DEFAULT_LIMITS, sniffFormat } from "@kilotune/image";
import type { ImageLooks } from "./context.ts";
import { isInputError } from "./errors.ts";
import { notAnImage } from "./lint-rows.ts";
import type { Lint } from "./linted.ts";

/** A file that calls name as an image. @throws KilotuneError `image_*`, `dicom_*` with the param `file` */
export function lintImage(looks: ImageLooks | undefined): Lint {
  return async (chunks) => {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of chunks) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes > DEFAULT_LIMITS.maxBytes) throw tooManyBytes();
    }
    const image = Buffer.concat(parts);
    try {
      if (looks !== undefined) await looks.image(image);
      else if (sniffFormat(image) === null) throw notAnImage();
    } catch (error) {
      throw isInputError(error) ? retold(error, { param: "file" }) : error;
    }
    return [];
  };
}

function tooManyBytes(): KilotuneError {
  return new KilotuneError(
    "image_too_many_bytes",
    `expected an image of at most ${DEFAULT_LIMITS.maxBytes} bytes, seen more.`,
    "Save it smaller: models look at some hundred pixels a side.",
    { param: "file" },
  );
}
