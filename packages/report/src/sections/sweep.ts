import type { SweptCandidate, TuneReport } from "@kilotune/contract";
import { niceScale, position } from "../charts/scale.ts";
import { html, type Markup } from "../escape.ts";
import { figureTitles } from "../figure-title.ts";
import { percent } from "../format.ts";
import { section } from "./section.ts";
import { type Column, stackedTable } from "./stacked-table.ts";

/** What a sweep tried: each candidate's settings, how much of its run it got, and its figure on held-out rows as a bar. */
export function sweep(report: TuneReport): Markup | null {
  const { sweep } = report;
  if (sweep === undefined || sweep.length === 0) return null;
  const { main } = figureTitles(report);
  const names = [...new Set(sweep.flatMap(({ settings }) => Object.keys(settings)))];
  const known = sweep.map(({ score }) => score).filter(Number.isFinite);
  const scale = niceScale(known.length === 0 ? [0, 1] : known, 4);
  const columns: Column[] = [
    { name: "Place", kind: "head" },
    ...names.map((name): Column => ({ name, kind: "number" })),
    { name: "Of its run", kind: "number" },
    { name: `Held-out ${main}`, kind: "plot" },
    { name: main, kind: "number" },
  ];
  return section(
    "sweep",
    "Candidates of the sweep",
    html`<p>Each was measured on held-out rows alone; those that fell behind were dropped early, so that figures are comparable among candidates that got the same share of their run. The first one was chosen, and only it has seen the test rows.</p>`,
    stackedTable(
      "sweep",
      columns,
      sweep.slice(0, SHOWN).map((candidate, at) => ({
        published: at === 0,
        cells: [
          html`${at + 1}${at === 0 ? html` <span class="chip">chosen</span>` : null}`,
          ...names.map((name) => settingWords(candidate, name)),
          percent(candidate.share, candidate.share < 0.1 ? 1 : 0),
          barOf(position(scale, candidate.score)),
          Number.isFinite(candidate.score) ? percent(candidate.score) : "diverged",
        ],
      })),
    ),
    sweep.length > SHOWN ? html`<p class="quiet">${sweep.length - SHOWN} more fell behind these.</p>` : null,
  );
}

const SHOWN = 100;

function settingWords({ settings }: SweptCandidate, name: string): string {
  const value = settings[name];
  return value === undefined ? "auto" : String(value);
}

/** Along the column's width; the numbers stand beside it, hence hidden from screen readers. */
function barOf(share: number): Markup {
  const width = `${(100 * Math.min(1, Math.max(0.005, Number.isFinite(share) ? share : 0))).toFixed(2)}%`;
  return html`<svg class="whiskers" width="100%" height="18" aria-hidden="true"><g class="whisker held-out"><line x1="0" x2="${width}" y1="9" y2="9"/><circle cx="${width}" cy="9" r="4.5"/></g></svg>`;
}
