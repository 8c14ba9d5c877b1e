import { html } from "./escape.ts";

/**
 * The page's only style sheet. Colours are variables with a light and a dark set; print always takes the light one.
 * Right and wrong differ in hue and in place or shape, never in hue alone.
 */
export const style = html`<style>
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f5f7fa; --ink: #18212f; --soft: #4d596b; --line: #d5dbe4; --grid: #e6eaf0;
  --blue: #1c5fd4; --green: #0b7a55; --orange: #b8470b; --track: #e9edf3; --hot-ink: #ffffff;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0f141c; --panel: #171e29; --ink: #e6ebf3; --soft: #a7b3c4; --line: #2d3848; --grid: #222b38;
    --blue: #7aaeff; --green: #4ccb9b; --orange: #ff9c62; --track: #222b38; --hot-ink: #0f141c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; -webkit-text-size-adjust: 100%; }
main, footer { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
footer { padding-block: 24px 40px; color: var(--soft); font-size: 14px; }
h1 { margin: 4px 0 10px; font-size: clamp(26px, 4.4vw, 40px); line-height: 1.15; letter-spacing: -0.02em; text-wrap: balance; }
h2 { margin: 0 0 8px; font-size: 22px; line-height: 1.25; letter-spacing: -0.01em; }
p { margin: 0 0 14px; max-width: 80ch; text-wrap: pretty; }
table + p, .scroll + p { margin: 12px 0 0; }
section { padding: 34px 0 30px; border-top: 1px solid var(--line); }
small { font-size: 13px; color: var(--soft); font-weight: 400; }
code { font-family: var(--mono); font-size: 0.88em; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 20px; max-width: 76ch; }
li + li { margin-top: 6px; }
bdi, .text, .lead, .eyebrow, li { overflow-wrap: anywhere; }
.quiet { color: var(--soft); }
.strong { font-weight: 650; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.headline { padding: 40px 0 34px; }
.headline::before { content: ""; display: block; width: 56px; height: 5px; border-radius: 3px; margin-bottom: 18px; background: var(--tone); }
.pays { --tone: var(--green); } .unclear { --tone: var(--blue); } .doesNotPay { --tone: var(--orange); }
.eyebrow { margin: 0; color: var(--soft); font-size: 15px; }
.lead { font-size: 18px; }
.published { margin-bottom: 24px; max-width: none; }
.nowrap { white-space: nowrap; }
.chip { display: inline-block; padding: 1px 9px 2px; border-radius: 99px; border: 1px solid currentColor; color: var(--green); font-size: 12.5px; font-weight: 600; line-height: 1.4; white-space: nowrap; vertical-align: 1px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0; }
.figures > div { background: var(--panel); border-radius: 12px; padding: 14px 16px 15px; }
.figures dt { color: var(--soft); font-size: 14px; }
.figures dd { margin: 0; }
.figures .value { font-size: 27px; font-weight: 650; line-height: 1.3; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures .detail { color: var(--soft); font-size: 13px; line-height: 1.4; }

table { border-collapse: collapse; width: 100%; font-size: 15px; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; text-align: start; vertical-align: baseline; border-bottom: 1px solid var(--grid); }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: 13px; font-weight: 500; border-bottom-color: var(--line); white-space: nowrap; vertical-align: bottom; }
tbody th, tfoot th { font-weight: 500; }
tfoot th, tfoot td { border-bottom: 0; border-top: 1px solid var(--line); font-weight: 650; }
.number { text-align: end; white-space: nowrap; }
caption { text-align: start; padding-bottom: 6px; font-weight: 650; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, code:focus-visible, summary:focus-visible { outline: 2px solid var(--blue); outline-offset: 3px; border-radius: 4px; }

.chart { display: block; width: 100%; height: auto; }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); }
.tick { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.axis-label { fill: var(--soft); font-size: 12.5px; }
.mark { stroke: var(--ink); stroke-width: 1.25; stroke-dasharray: 3 3; opacity: 0.75; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; max-width: none; color: var(--soft); font-size: 14px; }
.legend svg { vertical-align: -1px; margin-right: 3px; overflow: visible; }
.series { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.series.loss { stroke: var(--blue); } .series.accuracy { stroke: var(--green); stroke-dasharray: 7 4; } .series.rate { stroke: var(--orange); stroke-dasharray: 1.5 4.5; }
.dot.loss { fill: var(--blue); } .dot.accuracy { fill: var(--green); } .dot.rate { fill: var(--orange); }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 22px; }
figure { margin: 0; max-width: 380px; }
figcaption { margin-bottom: 6px; font-weight: 600; font-size: 15px; }
figcaption small { display: block; }

.candidates th, .candidates td { vertical-align: middle; }
.candidates thead th { vertical-align: bottom; }
.candidates .plot { width: 40%; padding: 0 26px; }
.stacked small { display: block; line-height: 1.3; }
.whiskers { display: block; overflow: visible; }
.whisker line { stroke-width: 1.75; } .whisker circle { stroke-width: 2; }
.held-out line { stroke: var(--soft); } .held-out circle { stroke: var(--soft); fill: var(--page); }
.test line { stroke: var(--blue); } .test circle { stroke: var(--blue); fill: var(--blue); }
.off-axis { fill: none; stroke-width: 2; } .off-axis.held-out { stroke: var(--soft); } .off-axis.test { stroke: var(--blue); }
tr.published > * { font-weight: 650; }
.candidates tr.published .chip { margin-left: 4px; }

.comparison :is(th, td), .cross-validation :is(th, td) { vertical-align: middle; }
.comparison thead th, .cross-validation thead th { vertical-align: bottom; }
.comparison .plot, .cross-validation .plot { width: 22%; padding: 0 18px; }

.heat { width: auto; font-size: 13px; border-collapse: separate; border-spacing: 2px; }
.heat th, .heat td { border: 0; padding: 0; }
.heat thead th { height: 120px; text-align: start; vertical-align: bottom; }
.heat thead th span { writing-mode: vertical-rl; transform: rotate(180deg); margin: 0 auto; display: block; line-height: 1.2; }
.heat thead .corner { text-align: end; vertical-align: bottom; padding: 0 10px 4px 0; font-size: 12px; }
.heat tbody th { padding-right: 10px; text-align: end; vertical-align: middle; white-space: nowrap; position: sticky; left: 0; background: var(--page); }
.heat td { min-width: clamp(27px, calc(680px / var(--labels)), 58px); height: 30px; text-align: center; vertical-align: middle; border-radius: 4px; }
.heat .none { color: var(--line); background: var(--panel); }
.heat .right { background: color-mix(in srgb, var(--blue) calc(var(--v) * 100%), var(--page)); }
.heat .wrong { background: color-mix(in srgb, var(--orange) calc(var(--v) * 100%), var(--page)); font-weight: 650; }
.heat .total { color: var(--soft); padding-left: 4px; }
.key { padding: 0 8px 1px; border-radius: 4px; color: var(--hot-ink); font-size: 13px; }
.key.right { background: var(--blue); } .key.wrong { background: var(--orange); }
.heat-thumbnail { max-width: 440px; }
.heat-thumbnail .frame { fill: var(--panel); } .heat-thumbnail .right { fill: var(--blue); } .heat-thumbnail .wrong { fill: var(--orange); }

.beside { display: grid; grid-template-columns: minmax(0, 1.25fr) minmax(0, 1fr); gap: 36px; align-items: start; }
.beside.even { grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); }
.beside.calibration { grid-template-columns: minmax(0, 400px) minmax(0, 1fr); }
.bins { width: auto; min-width: min(100%, 320px); }
.ideal { stroke: var(--soft); stroke-dasharray: 5 4; } .stem { stroke: var(--orange); stroke-width: 2; }
.bin { fill: var(--blue); stroke: var(--page); }

.span-bar { display: block; min-width: 60px; }
.track { fill: var(--track); } .chosen, .fine { fill: var(--blue); } .weak { fill: var(--orange); } .other { fill: var(--soft); }
.classes .bar { width: 22%; vertical-align: middle; }
.bars .bar { width: 60%; vertical-align: middle; }
.mistakes .text { width: 54%; text-wrap: pretty; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 240px), 1fr)); gap: 20px; margin-top: 14px; }
.pictures figcaption { margin: 6px 0 0; font-weight: 500; overflow-wrap: anywhere; }
.panels.small { grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); }
.overlay { display: block; width: 100%; height: auto; border-radius: 6px; background: var(--panel); }
.overlay path { vector-effect: non-scaling-stroke; stroke-width: 2; fill: none; stroke-linejoin: round; }
.overlay.attention path { stroke: none; fill: #e8590c; }
.pictures.attention-maps { grid-template-columns: repeat(auto-fill, minmax(min(100%, 200px), 1fr)); }
.overlay .true-edge { stroke: #ffffff; stroke-width: 1.5; stroke-dasharray: 4 3; }
.overlay .under { stroke: #000000; stroke-dasharray: none; opacity: 0.75; }
.overlay .said-words { font-size: 8px; paint-order: stroke; stroke: #000000; stroke-width: 2px; }
.small-picture { display: block; max-width: 120px; height: auto; border-radius: 4px; }
.mistakes td { vertical-align: top; }
.mistakes .wrong { color: var(--orange); }
.other-tests .text { width: 46%; }
.facts th { color: var(--soft); font-weight: 400; width: 38%; }
.facts th, .facts td { overflow-wrap: anywhere; }
details { margin-top: 14px; } summary { cursor: pointer; color: var(--blue); padding: 4px 0; }
.command { max-width: none; margin-bottom: 12px; }
.command span { display: block; color: var(--soft); font-size: 14px; margin-bottom: 3px; }
.command code { display: block; overflow-x: auto; white-space: pre; padding: 10px 14px; background: var(--panel); border-radius: 8px; font-size: 14px; }

@media screen and (max-width: 760px) {
  main, footer { padding-inline: 16px; }
  .headline { padding-top: 26px; }
  section { padding: 26px 0 24px; }
  .figures { grid-template-columns: 1fr 1fr; }
  .figures .value { font-size: 23px; }
  .beside, .beside.even, .beside.calibration { grid-template-columns: minmax(0, 1fr); gap: 24px; }
  th, td { padding-inline: 8px; }
  .stacked, .stacked tbody, .stacked thead { display: block; }
  .stacked tr { display: grid; column-gap: 10px; padding: 10px 0 9px; border-bottom: 1px solid var(--grid); }
  .stacked thead tr { padding: 0; border: 0; }
  .stacked thead th:not(.plot) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stacked th, .stacked td { border: 0; padding: 0; }
  .stacked tbody th, .stacked .plot, .stacked .text { grid-column: 1 / -1; width: 100%; }
  .stacked td.number { text-align: start; font-size: 14px; }
  .stacked td:is(.number, .label)::before { content: attr(data-name); display: block; color: var(--soft); font-size: 12px; font-weight: 400; }
  .stacked .text { margin-block: 3px; }
  .stacked small { font-size: 12px; }
  .candidates tr { grid-template-columns: 1.25fr 1.25fr 0.8fr 0.9fr; }
  .candidates .plot, .comparison .plot { padding: 0 20px; }
  .comparison tr { grid-template-columns: 1fr 1fr 1fr; row-gap: 4px; }
  .mistakes tr { grid-template-columns: 2fr 2fr 0.8fr; }
  .mistakes .label { font-size: 14px; }
  .other-tests tr { grid-template-columns: 0.6fr 1.2fr 1.2fr; }
  .heat td { min-width: 31px; }
  .classes tbody th { min-width: 124px; }
  .pairs td:not(.number) { min-width: 116px; }
  .bars .bar { width: 42%; }
  .classes .bar { display: none; }
}
@media print {
  @page { margin: 14mm; }
  body { font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main, footer { max-width: none; padding: 0; }
  .headline { padding: 0 0 18pt; }
  h1 { font-size: 22pt; } h2 { font-size: 14pt; break-after: avoid; }
  .lead { font-size: 11.5pt; }
  section { padding: 16pt 0 14pt; }
  table { font-size: 9pt; } th, td { padding-block: 3pt; }
  small, thead th, .legend, .chip, .figures dt, .figures .detail { font-size: 8pt; }
  .figures .value { font-size: 16pt; }
  .figures > div { border: 1px solid var(--line); padding: 8pt 10pt; }
  .panels { grid-template-columns: repeat(3, 1fr); gap: 12pt; }
  .candidates .plot { width: 36%; }
  .heat td { min-width: 20px; height: 22px; }
  .reliability { max-width: 240px; }
  .beside.calibration { grid-template-columns: 250px minmax(0, 1fr); }
  .scroll { overflow: visible; }
  .command code { white-space: pre-wrap; }
  section > p, .legend { break-after: avoid; }
  .heat, figure, tr, .chart, .figures > div, .command { break-inside: avoid; }
  details::details-content { content-visibility: visible; }
}
</style>`;
