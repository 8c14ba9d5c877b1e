import type { TuneReport } from "@kilotune/contract";

/**
 * The curve under the head that OpenAI's results files have: a line an epoch, whose number is its `step`; a label is one
 * "token", so the accuracy of rows stands under theirs. What the tuner doesn't measure is left empty, not made up.
 */
export function stepMetrics({ curve }: Pick<TuneReport, "curve">): string {
  const rows = curve.map(({ epoch, loss, validationAccuracy }) => [
    epoch,
    loss,
    "",
    "",
    validationAccuracy ?? "",
  ]);
  return [COLUMNS, ...rows].map((row) => `${row.join(",")}\n`).join("");
}

const COLUMNS = ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"];
