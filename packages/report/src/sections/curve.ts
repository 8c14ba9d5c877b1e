import { type CurvePoint, isClassification, type TuneReport } from "@kilotune/contract";
import { type LineChart, lineChart } from "../charts/line.ts";
import { niceScale, wholeScale } from "../charts/scale.ts";
import { html, type Markup } from "../escape.ts";
import { figureTitles } from "../figure-title.ts";
import { counted, percent } from "../format.ts";
import { section } from "./section.ts";

/**
 * Loss, validation accuracy and learning rate by epoch, each with its own axis: three panels over the same epochs say
 * what one chart with three scales would hide.
 */
export function curve(report: TuneReport): Markup {
  const curve = report.curve.filter(({ epoch }) => Number.isFinite(epoch));
  if (curve.length === 0)
    return section("curve", "Training", html`<p>There were no epochs, so there is no curve to show.</p>`);
  const best = bestEpoch(curve);
  const figure = figureTitles(report).main;
  const shown = panels(curve, best, figure, isClassification(report));
  return section(
    "curve",
    "Training, epoch by epoch",
    html`<p class="legend">${shown.map(({ chart }) => html`<span><svg width="26" height="12" aria-hidden="true"><line class="series ${chart.series}" x1="1" x2="25" y1="6" y2="6"/></svg> ${chart.title.toLowerCase()}</span> `)}${
      best === null
        ? null
        : html`<span><svg width="26" height="12" aria-hidden="true"><line class="mark" x1="13" x2="13" y1="0" y2="12"/></svg> best validation ${figure}: epoch ${best.epoch}, ${percent(best.validationAccuracy ?? Number.NaN)}</span>`
    }</p>
<div class="panels">${shown.map(({ chart, note }) => html`<figure><figcaption>${chart.title}<small>${note}</small></figcaption>${lineChart(chart)}</figure>`)}</div>`,
  );
}

function panels(
  curve: readonly CurvePoint[],
  best: CurvePoint | null,
  figure: string,
  isCrossEntropy: boolean,
): { chart: LineChart; note: string }[] {
  const shared = {
    xLabel: "epoch",
    x: wholeScale(curve[0]!.epoch, curve.at(-1)!.epoch, 6),
    mark: best?.epoch ?? null,
  };
  const panel = (
    title: string,
    series: string,
    value: (point: CurvePoint) => number,
    zero: boolean,
    note: string,
    format: (digits: number) => (y: number) => string,
  ) => {
    const points = curve.map((point) => ({ x: point.epoch, y: value(point) }));
    const y = niceScale([...points.map((point) => point.y), ...(zero ? [0] : [])], 4);
    const label = format(y.digits);
    const [first, last] = [points[0]!.y, points.at(-1)!.y];
    const description = `${title} over ${counted(curve.length, "epoch")}: first ${label(first)}, last ${label(last)}.`;
    return { note, chart: { ...shared, title, description, series, y, points, format: label } };
  };
  const fixed = (digits: number) => (y: number) => (Number.isFinite(y) ? y.toFixed(digits) : "–");
  return [
    panel(
      "Training loss",
      "loss",
      (p) => p.loss,
      true,
      `mean ${isCrossEntropy ? "cross-entropy" : "loss"} of an epoch's rows`,
      fixed,
    ),
    ...(best === null
      ? []
      : [
          panel(
            `Validation ${figure}`,
            "accuracy",
            (p) => p.validationAccuracy ?? Number.NaN,
            false,
            "on held-out rows",
            (digits) => (y) => percent(y, Math.max(0, digits - 2)),
          ),
        ]),
    panel(
      "Learning rate",
      "rate",
      (p) => p.learningRate,
      true,
      "used in each epoch",
      () => shortNumber,
    ),
  ];
}

/** Rates span decades: 0.002 and 0.00005 both have to fit beside an axis. */
function shortNumber(n: number): string {
  if (!Number.isFinite(n)) return "–";
  if (n === 0 || Math.abs(n) >= 0.001) return String(Number(n.toPrecision(3)));
  return n
    .toExponential(Number.isInteger(Number(n.toExponential(6).split("e")[0])) ? 0 : 1)
    .replace("-", "−");
}

function bestEpoch(curve: readonly CurvePoint[]): CurvePoint | null {
  const measured = curve.filter(
    (point) => point.validationAccuracy !== null && Number.isFinite(point.validationAccuracy),
  );
  return measured.reduce<CurvePoint | null>(
    (best, point) => (best === null || point.validationAccuracy! > best.validationAccuracy! ? point : best),
    null,
  );
}
