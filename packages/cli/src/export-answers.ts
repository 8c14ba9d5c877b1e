import path from "node:path";
import { type ImageRow, type ImageSize, type Target, writeCoco, writeYolo } from "@kilotune/dataset";
import { prepareOutput, writeWhole } from "./output-file.ts";
import { usageError } from "./usage-error.ts";

export interface AnswerExport {
  add(image: string, size: ImageSize, target: Target): void;
  /** Writes all of it. @param labels the prompt's, in their order */
  end(labels: readonly string[]): Promise<void>;
}

/** Answers as files of annotations that other tools read, and `tune` too: to begin with, for a person to mend. */
export async function openExport(
  command: string,
  images: readonly string[],
  { coco, yolo }: { readonly coco: string | undefined; readonly yolo?: string | undefined },
  tell: (words: string) => void,
): Promise<AnswerExport> {
  const textOf = (image: string) => `${path.parse(image).name}.txt`;
  if (yolo !== undefined) {
    const names = new Set(images.map(textOf));
    if (names.size < images.length || names.has("classes.txt"))
      throw usageError(
        command,
        "--yolo writes a file of each image's name, and two images would share one",
        "Run it once for each folder of images.",
      );
    await prepareOutput(path.join(yolo, "classes.txt"));
  }
  if (coco !== undefined) await prepareOutput(coco);
  const rows: ImageRow[] = [];
  const sizes = new Map<string, ImageSize>();
  return {
    add(image, size, target) {
      rows.push({ image, patient: null, target, line: rows.length + 1 });
      sizes.set(image, size);
    },
    async end(labels) {
      if (coco !== undefined) {
        const folder = folderOfPaths(coco, images);
        if (folder !== path.dirname(coco))
          tell(
            `Paths in ${coco} start at ${folder}: tune, lint and evaluate read it with --image-folder ${folder}`,
          );
        const from = (image: string) => path.relative(folder, image).split(path.sep).join("/");
        const moved = new Map([...sizes].map(([image, size]) => [from(image), size]));
        await writeWhole(
          coco,
          writeCoco(
            rows.map((row) => ({ ...row, image: from(row.image) })),
            labels,
            moved,
          ),
        );
      }
      if (yolo === undefined) return;
      await writeWhole(path.join(yolo, "classes.txt"), labels.map((label) => `${label}\n`).join(""));
      for (const { image, target } of rows)
        if (target.kind === "objects")
          await writeWhole(
            path.join(yolo, textOf(image)),
            writeYolo(target.objects, labels, sizes.get(image) as ImageSize),
          );
    },
  };
}

/** The file's own, as COCO's readers look for images, where all lie below it; else the lowest that has them all. */
function folderOfPaths(coco: string, images: readonly string[]): string {
  const holds = (folder: string, image: string) => {
    const way = path.relative(folder, image);
    return !path.isAbsolute(way) && way.split(path.sep)[0] !== "..";
  };
  let folder = path.dirname(coco);
  if (images.every((image) => holds(folder, image))) return folder;
  folder = path.dirname(images[0] as string);
  while (
    !images.every((image) => holds(folder, image)) &&
    path.dirname(path.resolve(folder)) !== path.resolve(folder)
  )
    folder = path.join(folder, "..");
  return folder;
}
