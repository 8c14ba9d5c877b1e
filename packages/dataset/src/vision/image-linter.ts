import type { LintReport } from "@kilotune/contract";
import type { ImageFacts, MaskFacts } from "@kilotune/image";
import { checkClasses, checkSpelling, checkValidationLabels } from "../check-labels.ts";
import { count, excerpt } from "../excerpt.ts";
import { hash64 } from "../hash64.ts";
import { LinePairs } from "../line-pairs.ts";
import { LintFrame } from "../lint-frame.ts";
import { errorAt, type Finding, type Reading, WHOLE_FILE, warningAt } from "../reading.ts";
import { findingsOfMask, findingsOfPlaces } from "./check-places.ts";
import { ImageTotals } from "./image-totals.ts";
import type { ImageRow } from "./image-rows.ts";
import { NearIndex } from "./near-index.ts";

export interface ImageLinterOptions {
  /** The classes that the data set declares (COCO's categories, YOLO's names): those never seen are named. */
  readonly classes?: readonly string[];
  /** The linter of the training file, all its rows added: makes this one a validation file's. */
  readonly against?: ImageLinter;
  /** As of the text linter. 1,000. */
  readonly maxIssues?: number;
}

/** What was found behind a row's path: facts, or why there are none. */
export type Seen<F> =
  | { readonly kind: "facts"; readonly facts: F }
  | { readonly kind: "fault"; readonly fault: Fault };

export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** What is wrong with a data set of images. No I/O: whoever reads the files tells what they hold. */
export interface ImageLinter {
  add(reading: Reading<ImageRow>): void;
  /** After `add` of the row, where images are looked at; `mask` where the row names a file of one. */
  see(row: ImageRow, image: Seen<ImageFacts>, mask?: Seen<MaskFacts>): void;
  /** All that was added so far. Of objects and segments `labels` counts each one, of masks the rows whose mask holds it. */
  report(): LintReport;
}

export function createImageLinter(options: ImageLinterOptions = {}): ImageLinter {
  return new RowLinter(options);
}

class RowLinter implements ImageLinter {
  readonly #train: RowLinter | null;
  readonly #declared: readonly string[];
  readonly #frame: LintFrame;
  readonly #totals = new ImageTotals();
  readonly #paths = new Map<string, number>();
  readonly #bytes = new Map<string, { readonly line: number; readonly target: string }>();
  readonly #near = new NearIndex();
  readonly #patients = new Map<string, number>();
  readonly #pairs = {
    paths: new LinePairs(),
    duplicates: new LinePairs(),
    nearDuplicates: new LinePairs(),
    leaks: new LinePairs(),
    nearLeaks: new LinePairs(),
    patientLeaks: new LinePairs(),
  };
  /** A single class of objects is a detector; of labels it is nothing to learn. */
  #several = false;

  constructor({ classes = [], against, maxIssues }: ImageLinterOptions) {
    this.#train = (against as RowLinter | undefined) ?? null;
    this.#declared = classes;
    this.#frame = new LintFrame(maxIssues);
  }

  add(reading: Reading<ImageRow>): void {
    if (reading.kind !== "row") {
      this.#frame.add(reading);
      return;
    }
    const { image, patient, target, line } = reading.row;
    this.#frame.rows++;
    if (target.kind !== "labels" || target.several) this.#several = true;
    for (const label of labelsOf(reading.row)) this.#frame.countLabel(label, line);
    // Images within the rows aren't kept; equal ones are found by their bytes.
    const before = isInRow(image) ? undefined : this.#paths.get(image);
    if (before !== undefined) this.#pairs.paths.add(before, line);
    else if (!isInRow(image)) this.#paths.set(image, line);
    if (patient === null || this.#patients.has(patient)) return;
    this.#patients.set(patient, line);
    const treated = this.#train === null ? undefined : this.#train.#patients.get(patient);
    if (treated !== undefined) this.#pairs.patientLeaks.add(treated, line);
  }

  see(row: ImageRow, image: Seen<ImageFacts>, mask?: Seen<MaskFacts>): void {
    if (image.kind === "fault") this.#frame.add(faultOf(row, row.image, image.fault));
    else {
      this.#totals.add(row, image.facts);
      this.#compare(row, image.facts);
      for (const finding of findingsOfPlaces(row, image.facts)) this.#frame.add(finding);
    }
    if (mask === undefined || row.target.kind !== "mask") return;
    if (mask.kind === "fault") {
      this.#frame.add(faultOf(row, row.target.file, mask.fault));
      return;
    }
    for (const value of mask.facts.values) this.#frame.countLabel(String(value), row.line);
    if (image.kind === "facts")
      for (const finding of findingsOfMask(row, image.facts, mask.facts)) this.#frame.add(finding);
  }

  /** With the images before, and with the training file's: same bytes, else near. */
  #compare(row: ImageRow, { sha256, perceptual }: ImageFacts): void {
    const { line, image } = row;
    // Outlines of many objects are long: a hash of them is kept.
    const { high, low } = hash64(JSON.stringify(row.target));
    const target = `${high}:${low}`;
    const copied = this.#bytes.get(sha256);
    if (copied === undefined) this.#bytes.set(sha256, { line, target });
    // A path named twice is said once, in `add`.
    else if (isInRow(image) || this.#paths.get(image) === line) {
      this.#pairs.duplicates.add(copied.line, line);
      if (row.target.kind !== "mask" && copied.target !== target) {
        const message = `lines ${copied.line} and ${line} hold the same image with different answers.`;
        this.#frame.add(warningAt({ line, column: 0 }, "conflicting_labels", message, "Keep the right one."));
      }
    }
    const trained = this.#train === null ? undefined : this.#train.#bytes.get(sha256);
    if (trained !== undefined) this.#pairs.leaks.add(trained.line, line);
    if (perceptual === null) return;
    if (copied === undefined) {
      const near = this.#near.find(perceptual);
      if (near !== null) this.#pairs.nearDuplicates.add(near, line);
      this.#near.add(perceptual, line);
    }
    if (this.#train === null || trained !== undefined) return;
    const near = this.#train.#near.find(perceptual);
    if (near !== null) this.#pairs.nearLeaks.add(near, line);
  }

  report(): LintReport {
    return this.#frame.report(this.#wholeFile());
  }

  #wholeFile(): Finding[] {
    const findings: Finding[] = [];
    const { labels } = this.#frame;
    if (this.#frame.rows === 0 && this.#frame.errors === 0)
      findings.push(
        errorAt(WHOLE_FILE, "no_rows", "expected at least one row, seen none.", "Add rows of an image."),
      );
    findings.push(...this.#frame.tooManyLabels("Is a name or a number of the image in the label's place?"));
    if (this.#train !== null) findings.push(...checkValidationLabels(this.#train.#frame.labels, labels));
    else
      findings.push(
        ...checkClasses(labels).filter(({ issue }) => !(this.#several && issue.code === "one_class")),
      );
    findings.push(
      ...checkSpelling(labels),
      ...this.#declaredClasses(),
      ...this.#repeats(),
      ...this.#totals.findings(),
    );
    return findings;
  }

  #declaredClasses(): Finding[] {
    if (this.#declared.length === 0) return [];
    const { labels } = this.#frame;
    const unseen = this.#declared.filter((name) => !labels.has(name));
    const findings: Finding[] = [];
    if (unseen.length > 0) {
      const named = unseen.slice(0, 5).map((name) => excerpt(name));
      const message = `${count(unseen.length, "declared class is", "declared classes are")} never seen: ${named.join(", ")}${unseen.length > 5 ? " and so on" : ""}.`;
      findings.push(
        warningAt(WHOLE_FILE, "class_never_seen", message, "Add rows of it, or take it out of the list."),
      );
    }
    for (const [label, { line }] of labels) {
      if (this.#declared.includes(label)) continue;
      const message = `expected one of the ${count(this.#declared.length, "declared class", "declared classes")}, seen ${excerpt(label)}.`;
      findings.push(
        errorAt({ line, column: 0 }, "class_not_declared", message, "Add it to the list, or mend the label."),
      );
    }
    return findings;
  }

  #repeats(): Finding[] {
    const said = (
      pairs: LinePairs,
      code: string,
      words: (n: number) => string,
      earlier: string,
      hint: string,
    ) =>
      pairs.total === 0
        ? []
        : [warningAt(pairs.place, code, `${words(pairs.total)}: ${pairs.listed(earlier)}.`, hint)];
    const { paths, duplicates, nearDuplicates, leaks, nearLeaks, patientLeaks } = this.#pairs;
    const remove = "Remove those rows from one of the files.";
    return [
      ...said(
        paths,
        "image_twice",
        (n) => `${count(n, "row names", "rows name")} the image of an earlier one`,
        "first at line",
        "Put all that is said of an image into one row.",
      ),
      ...said(
        duplicates,
        "duplicate_images",
        (n) => `${count(n, "image is", "images are")} a copy of an earlier one, byte by byte`,
        "first at line",
        "Delete the copies: they count twice in tuning and in every figure.",
      ),
      ...said(
        nearDuplicates,
        "near_duplicate_images",
        (n) => `${count(n, "image looks", "images look")} like an earlier one`,
        "like line",
        "Look at them: copies that were scaled or saved again count twice.",
      ),
      ...said(
        leaks,
        "leak",
        (n) =>
          `${count(n, "validation image is", "validation images are")} in the training file too, so the figures look better than they are`,
        "training line",
        remove,
      ),
      ...said(
        nearLeaks,
        "near_leak",
        (n) =>
          `${count(n, "validation image looks", "validation images look")} like one of the training file`,
        "training line",
        remove,
      ),
      ...said(
        patientLeaks,
        "patient_leak",
        (n) =>
          `${count(n, "patient is", "patients are")} in the training and in the validation file, so the figures don't tell how new patients fare`,
        "training line",
        "Split by patient: all images of one in one file.",
      ),
    ];
  }
}

function isInRow(image: string): boolean {
  return /^data:/i.test(image);
}

function labelsOf({ target }: ImageRow): readonly string[] {
  if (target.kind === "labels") return target.labels;
  if (target.kind === "mask") return [];
  return (target.kind === "objects" ? target.objects : target.segments).map(({ label }) => label);
}

function faultOf({ line }: ImageRow, path: string, { code, message, hint }: Fault): Finding {
  return errorAt({ line, column: 0 }, code, `${excerpt(path)}: ${message}`, hint);
}
