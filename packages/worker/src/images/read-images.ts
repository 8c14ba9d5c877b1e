import { createHash } from "node:crypto";
import type { LintReport } from "@kilotune/contract";
import {
  type ComparedImage,
  type ImageLinter,
  type ImageRow,
  lintImages,
  type Reading,
  type VisionTask,
} from "@kilotune/dataset";
import { type ImageCodec, imageFacts, maskFacts } from "@kilotune/image";
import { invalidFile } from "../invalid-file.ts";
import type { JobEvent } from "../job.ts";
import type { ImageRows } from "./image-source.ts";

/** A file's rows, every image of them looked at. */
export interface ReadImages extends AsyncDisposable {
  readonly name: string;
  readonly rows: readonly ImageRow[];
  /** Declared by the file. */
  readonly classes: readonly string[];
  /** Of each row's image: what it is compared by. */
  readonly looks: readonly ComparedImage[];
  readonly linter: ImageLinter;
  readonly report: LintReport;
  read(row: string): Promise<Uint8Array>;
}

/**
 * Reads one file to the end, and looks at every image and mask of it: what can't be decoded is told before anything is
 * learnt.
 *
 * @throws KilotuneError `invalid_training_file` where the linter found errors
 */
export async function readImages(
  source: ImageRows,
  task: VisionTask,
  codec: ImageCodec,
  emit: (event: JobEvent) => void,
  purpose: "learning" | "answering",
  against?: ImageLinter,
): Promise<ReadImages> {
  await using opened = new AsyncDisposableStack();
  const file = opened.use(await source.open(task));
  const rows: ImageRow[] = [];
  const looks: ComparedImage[] = [];
  const { report, linter } = await lintImages(kept(file.readings, rows), {
    ...(file.classes && { classes: file.classes }),
    ...(against && { against }),
    eyes: {
      async image(image) {
        const facts = await imageFacts(codec, await file.read(image));
        const { sha256, perceptual } = facts;
        looks[rows.length - 1] = { patient: rows.at(-1)?.patient ?? null, sha256, perceptual };
        return facts;
      },
      mask: async (row) => maskFacts(codec, await file.read(row)),
    },
  });
  // Rows that are only answered may be all of one class; what is learnt from may not.
  const errors = report.errors.filter(({ code }) => !(purpose === "answering" && code === "one_class"));
  emit({ kind: "lint", file: source.name, report: { ...report, errors } });
  if (errors.length > 0) throw invalidFile(source.name, errors, ` --images ${task}`);
  const open = opened.move();
  return {
    name: source.name,
    rows,
    classes: file.classes ?? [],
    looks,
    linter,
    report,
    read: file.read,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function* kept(
  readings: Iterable<Reading<ImageRow>> | AsyncIterable<Reading<ImageRow>>,
  rows: ImageRow[],
): AsyncGenerator<Reading<ImageRow>> {
  for await (const reading of readings) {
    if (reading.kind === "row") rows.push(reading.row);
    yield reading;
  }
}

/** Of labels, and of the rows of files with their images' bytes; what a row calls its image changes nothing. */
export function hashOfImages(labels: readonly string[], files: readonly (ReadImages | undefined)[]): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(labels));
  for (const file of files)
    hash.update(
      JSON.stringify(
        file === undefined ? null : file.rows.map(({ target }, at) => [file.looks[at]?.sha256, target]),
      ),
    );
  return hash.digest("hex");
}
