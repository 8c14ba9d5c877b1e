import { html, type Markup } from "../escape.ts";

/**
 * A bar from `start` to `end` (0..1) of its column, at least a hair wide so that something small still shows. The number
 * stands beside it, hence hidden from screen readers.
 */
export function spanBar(start: number, end: number, series: string): Markup | null {
  if (!Number.isFinite(start) || !Number.isFinite(end)) return null;
  const left = Math.min(1, Math.max(0, start));
  const width = Math.min(1 - left, Math.max(0, end - left));
  return html`<svg class="span-bar" width="100%" height="14" aria-hidden="true"><rect class="track" width="100%" height="14" rx="3"/><rect class="${series}" x="${(left * 100).toFixed(2)}%" width="${Math.max(0.4, width * 100).toFixed(2)}%" height="14" rx="3"/></svg>`;
}
