import { isCodedError, type LintReport } from "@kilotune/contract";
import type { ImageFacts, MaskFacts } from "@kilotune/image";
import type { Reading } from "../reading.ts";
import { createImageLinter, type ImageLinter, type ImageLinterOptions, type Seen } from "./image-linter.ts";
import type { ImageRow } from "./image-rows.ts";

/** How files are looked at; `path` as the row writes it. Both throw a KilotuneError where that can't be done. */
export interface ImageEyes {
  image(path: string): Promise<ImageFacts>;
  mask(path: string): Promise<MaskFacts>;
}

/**
 * Lints rows, and with `eyes` the files behind them too, one row after the other.
 *
 * @param onRow for a progress bar
 */
export async function lintImages(
  readings: Iterable<Reading<ImageRow>> | AsyncIterable<Reading<ImageRow>>,
  options: ImageLinterOptions & { readonly eyes?: ImageEyes; readonly onRow?: (rows: number) => void } = {},
): Promise<{ readonly report: LintReport; readonly linter: ImageLinter }> {
  const linter = createImageLinter(options);
  const { eyes, onRow } = options;
  let rows = 0;
  for await (const reading of readings) {
    linter.add(reading);
    if (reading.kind !== "row" || eyes === undefined) continue;
    const { row } = reading;
    const { target } = row;
    const image = await seen(() => eyes.image(row.image));
    linter.see(row, image, target.kind === "mask" ? await seen(() => eyes.mask(target.file)) : undefined);
    onRow?.(++rows);
  }
  return { report: linter.report(), linter };
}

async function seen<F>(look: () => Promise<F>): Promise<Seen<F>> {
  try {
    return { kind: "facts", facts: await look() };
  } catch (error) {
    if (!isCodedError(error) || error.kind !== "input") throw error;
    const { code, message, hint } = error;
    return { kind: "fault", fault: { code, message, hint } };
  }
}
