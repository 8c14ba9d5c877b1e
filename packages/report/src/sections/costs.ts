import type { TuneReport } from "@kilotune/contract";
import { spanBar } from "../charts/span-bar.ts";
import { html, type Markup } from "../escape.ts";
import { bytes, counted, duration, percent } from "../format.ts";
import { methodWords } from "../verdict-words.ts";
import { clip } from "../visible-text.ts";
import { section } from "./section.ts";

/** What a tenant stores for each candidate. */
export function sizes(report: TuneReport): Markup {
  const largest = Math.max(1, ...report.candidates.map(({ sizeBytes }) => sizeBytes).filter(Number.isFinite));
  return section(
    "sizes",
    "What has to be stored",
    html`<p>The published file (${methodWords(report)}) is ${bytes(report.prompt.sizeBytes)} and holds ${counted(report.prompt.trainableParameters, "trained number")}; the backbone is shared by every tenant and stored once.</p>
<table class="bars"><thead class="hidden"><tr><th scope="col">Candidate</th><th scope="col">Share of the largest</th><th scope="col">Size</th></tr></thead>
<tbody>${report.candidates.map(
      ({ title, sizeBytes, published }) =>
        html`<tr${published ? html` class="published"` : null}><th scope="row">${clip(title, 60)}</th><td class="bar">${spanBar(0, sizeBytes / largest, published ? "chosen" : "other")}</td><td class="number">${bytes(sizeBytes)}</td></tr>`,
    )}</tbody></table>`,
  );
}

/** Where the job's time went; each bar begins where the one before it ended. */
export function timings({ timings }: TuneReport): Markup | null {
  if (timings.length === 0) return null;
  const total = timings.reduce((sum, { seconds }) => sum + seconds, 0);
  let passed = 0;
  return section(
    "timings",
    "Where the time went",
    html`<table class="bars"><thead class="hidden"><tr><th scope="col">Step</th><th scope="col">When</th><th scope="col">Time</th><th scope="col">Share</th></tr></thead>
<tbody>${timings.map(({ name, seconds }) => {
      const start = passed;
      passed += seconds;
      return html`<tr><th scope="row">${clip(name, 60)}</th><td class="bar">${spanBar(start / total, passed / total, "chosen")}</td><td class="number">${duration(seconds)}</td><td class="number quiet">${seconds > 0 && seconds / total < 0.005 ? "< 1 %" : percent(seconds / total, 0)}</td></tr>`;
    })}</tbody><tfoot><tr><th scope="row">whole job</th><td></td><td class="number">${duration(total)}</td><td></td></tr></tfoot></table>`,
  );
}
