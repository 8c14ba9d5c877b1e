import { mainFigure, type Score, secondFigure, type TuneReport } from "@kilotune/contract";

/** What figures are called, wherever people read them. */
const TITLES: Readonly<Record<string, string>> = {
  accuracy: "accuracy",
  macroF1: "macro F1",
  microF1: "micro F1",
  meanIou: "mean IoU",
  meanDice: "mean Dice",
  boundaryF1: "boundary F1",
  pixelAccuracy: "pixel accuracy",
  exactMatch: "exact match",
  r2: "R²",
  mae: "mean absolute error",
  map10: "MAP@10",
  recall1: "recall@1",
  recall5: "recall@5",
  recall10: "recall@10",
  map: "mAP",
  map50: "mAP@0.5",
  map75: "mAP@0.75",
};

export function figureTitle(name: string): string {
  return Object.hasOwn(TITLES, name) ? (TITLES[name] as string) : name;
}

/** Of the figures that a report's candidates are compared by, and told with. */
export function figureTitles({ candidates }: Pick<TuneReport, "candidates">): {
  readonly main: string;
  readonly second: string | undefined;
} {
  const score = candidates.flatMap(({ heldOut, test }) => [test, heldOut]).find((each) => each !== null);
  if (!score) return { main: "accuracy", second: "macro F1" };
  const second = secondFigure(score);
  return { main: figureTitle(mainFigure(score).name), second: second && figureTitle(second.name) };
}

export function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whether a score's main figure and its interval are numbers. */
export function isFiniteScore(score: Score): boolean {
  const { value, interval } = mainFigure(score);
  return [value, ...interval].every(Number.isFinite);
}
