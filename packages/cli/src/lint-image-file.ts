import type { LintReport } from "@kilotune/contract";
import { type ImageLinter, lintImages, type VisionTask } from "@kilotune/dataset";
import { assertReadable } from "./input-file.ts";
import type { Terminal } from "./terminal/terminal.ts";

/**
 * Rows about images as `tune` takes them, and the images that they name; "-" is JSONL on stdin, from this folder on.
 *
 * @param split which of a data set's that has several
 * @throws KilotuneError as assertReadable and `imagesAt` do
 */
export async function lintImageFile(
  file: string,
  task: VisionTask,
  terminal: Terminal,
  {
    against,
    split = "train",
    folder,
  }: {
    readonly against?: ImageLinter;
    readonly split?: "train" | "val";
    /** Where paths start; the rows' own where left out. */
    readonly folder?: string | undefined;
  } = {},
): Promise<{ readonly report: LintReport; readonly linter: ImageLinter }> {
  if (file !== "-") await assertReadable(file, { folders: true });
  // The decoder is loaded here, so that no other command waits for it.
  const [{ imageFacts, maskFacts }, { createSharpCodec }, { imageLines, imagesAt }] = await Promise.all([
    import("@kilotune/image"),
    import("@kilotune/image/node"),
    import("@kilotune/worker"),
  ]);
  const codec = createSharpCodec();
  const source =
    file === "-"
      ? imageLines("stdin", folder ?? ".", () => terminal.io.stdin)
      : await imagesAt(file, split, folder);
  await using opened = await source.open(task);
  return lintImages(opened.readings, {
    ...(opened.classes && { classes: opened.classes }),
    ...(against && { against }),
    eyes: {
      image: async (name) => imageFacts(codec, await opened.read(name)),
      mask: async (name) => maskFacts(codec, await opened.read(name)),
    },
  });
}
