export { MAX_LABEL_LENGTH, MAX_TEXT_LENGTH } from "./check-row.ts";
export { decodeLines, type Line, MAX_LINE_LENGTH } from "./decode-lines.ts";
export type { Chunks } from "./decode-text.ts";
export { drawShots, type Split, stratifiedFolds, stratifiedSplit } from "./draw.ts";
export { groupedFolds } from "./grouped-folds.ts";
export { groupedSplit } from "./grouped-split.ts";
export { guessRows, type RowsAre } from "./guess-rows.ts";
export { labelsOf } from "./labels.ts";
export { type LintedFile, type LintFileOptions, lintFile, loadExamples } from "./lint-file.ts";
export { createLinter, type Linter, type LinterOptions } from "./linter.ts";
export { type Prng, type PrngState, prng, resumePrng } from "./prng.ts";
export { guessFormat, readExamples } from "./read-examples.ts";
export type { Example, Finding, Format, Reading } from "./reading.ts";
export {
  type ComparedImage,
  joinSimilarTexts,
  RowGroups,
  similarImages,
  similarTexts,
} from "./row-groups.ts";
export { tagName } from "./texts/check-tags.ts";
export { type LintTextRowsOptions, lintTextRows, loadTextRows } from "./texts/lint-text-rows.ts";
export { readTextRows, type TextRowsOptions } from "./texts/read-text-rows.ts";
export { createTextLinter } from "./texts/text-linter.ts";
export type {
  MultiLabelRow,
  PairedText,
  RegressionRow,
  RetrievalRow,
  RowOfTask,
  Span,
  TagRow,
  TextRow,
  TextTask,
} from "./texts/text-rows.ts";
export type { TokenCount } from "./token-totals.ts";
export { type CocoRows, readCoco, toRle, writeCoco } from "./vision/coco.ts";
export { createImageLinter, type ImageLinter, type ImageLinterOptions } from "./vision/image-linter.ts";
export type { ImageObject, ImageRow, Segment, Target, VisionTask } from "./vision/image-rows.ts";
export { type ImageZip, openImageZip, readRowFile } from "./vision/image-zip.ts";
export { type ImageEyes, lintImages } from "./vision/lint-images.ts";
export { readImageRows } from "./vision/read-image-rows.ts";
export { type ImageSize, readYolo, writeYolo } from "./vision/yolo.ts";
export { readYoloData, type YoloData, yoloRow } from "./vision/yolo-data.ts";
