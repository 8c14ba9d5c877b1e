import { isClassification, type TuneReport } from "@kilotune/contract";
import { html, type Markup } from "./escape.ts";
import { attention } from "./sections/attention.ts";
import { calibration } from "./sections/calibration.ts";
import { candidates } from "./sections/candidates.ts";
import { classes } from "./sections/classes.ts";
import { comparison } from "./sections/comparison.ts";
import { confusion } from "./sections/confusion.ts";
import { sizes, timings } from "./sections/costs.ts";
import { crossValidation } from "./sections/cross-validation.ts";
import { curve } from "./sections/curve.ts";
import { curvesOfLabels } from "./sections/curves.ts";
import { detection } from "./sections/detection.ts";
import { figures } from "./sections/figures.ts";
import { headline } from "./sections/headline.ts";
import { mistakes } from "./sections/mistakes.ts";
import { otherTests } from "./sections/other-tests.ts";
import { notes, receipt } from "./sections/receipt.ts";
import { screening } from "./sections/screening.ts";
import { segmentation } from "./sections/segmentation.ts";
import { sweep } from "./sections/sweep.ts";
import { usage } from "./sections/usage.ts";
import { style } from "./style.ts";
import { clip } from "./visible-text.ts";

/** Nothing but this file's own styles: no script, no request, wherever the page is opened. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** The report as one self-contained HTML file, for people; a pure function of the report. */
export function renderReport(report: TuneReport): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${clip(report.title, 120)} · Kilotune report</title>
${style}
</head>
<body>
<main>
${headline(report)}
${candidates(report)}${crossValidation(report)}${comparison(report)}${sweep(report)}${curve(report)}${findings(report)}${attention(report)}${otherTests(report)}${sizes(report)}${timings(report)}${receipt(report)}${notes(report)}${usage(report)}
</main>
<footer>Made by Kilotune. The page loads nothing and sends nothing.</footer>
</body>
</html>
`;
  return page.toString();
}

/** What the answers look like, by task. */
function findings(report: TuneReport): readonly (Markup | null)[] {
  if (isClassification(report))
    return [
      confusion(report),
      classes(report),
      screening(report),
      curvesOfLabels(report.evaluation.curves),
      mistakes(report),
      calibration(report),
    ];
  switch (report.task) {
    case "segmentation":
      return segmentation(report.evaluation);
    case "detection":
      return detection(report.evaluation);
    default:
      return [...figures(report.evaluation), curvesOfLabels(report.evaluation.curves)];
  }
}
