import { readFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError, type LintReport } from "@kilotune/contract";
import {
  type ImageEyes,
  type ImageLinter,
  lintImages,
  readCoco,
  readImageRows,
  type VisionTask,
} from "@kilotune/dataset";
import { openInput } from "./input-file.ts";
import type { Terminal } from "./terminal/terminal.ts";

/**
 * Rows of a JSONL file, or of COCO's JSON where the name ends in `.json`, and the images beside it.
 *
 * @throws KilotuneError as openInput does
 */
export async function lintImageFile(
  file: string,
  task: VisionTask,
  terminal: Terminal,
  against?: ImageLinter,
): Promise<{ readonly report: LintReport; readonly linter: ImageLinter }> {
  const chunks = await openInput(file, terminal);
  const eyes = await eyesIn(path.dirname(file));
  const options = { eyes, ...(against === undefined ? {} : { against }) };
  if (!/\.json$/i.test(file) || task === "classify") return lintImages(readImageRows(chunks, task), options);
  const { readings, classes } = readCoco(await readFile(file, "utf8"), task);
  return lintImages(readings, { ...options, classes });
}

/** Looks at files of a folder. The decoder is loaded here, so that no other command waits for it. */
async function eyesIn(folder: string): Promise<ImageEyes> {
  const [{ imageFacts, maskFacts }, { createSharpCodec }] = await Promise.all([
    import("@kilotune/image"),
    import("@kilotune/image/node"),
  ]);
  const codec = createSharpCodec();
  const bytesOf = async (name: string) =>
    readFile(path.join(folder, name)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "ENOENT" && cause.code !== "EISDIR" && cause.code !== "ENOTDIR") throw cause;
      throw new KilotuneError(
        "image_not_found",
        "expected a file, but there is none.",
        "Paths start at the folder of the rows' file.",
        { cause },
      );
    });
  return {
    image: async (name) => imageFacts(codec, await bytesOf(name)),
    mask: async (name) => maskFacts(codec, await bytesOf(name)),
  };
}
