/** Shown for a number that isn't there or isn't finite. */
export const dash = "–";

/** A no-break space keeps number and unit on one line; the terminal turns it into a plain one. */
const nbsp = "\u00A0";

/** 0.9312 -> "93.1 %". */
export function percent(share: number, digits = 1): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(digits)}${nbsp}%` : dash;
}

/** [0.91, 0.948] -> "91.0–94.8 %". */
export function percentRange([low, high]: readonly [number, number]): string {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return dash;
  return `${(low * 100).toFixed(1)}–${(high * 100).toFixed(1)}${nbsp}%`;
}

/** The size of a difference of two shares: -0.024 -> "2.4 points"; the words around it say which way. */
export function points(difference: number): string {
  return Number.isFinite(difference) ? `${Math.abs(difference * 100).toFixed(1)}${nbsp}points` : dash;
}

/** 1234567 -> "1,234,567". */
export function count(n: number): string {
  return Number.isFinite(n) ? integers.format(n) : dash;
}

/** 1 -> "1 row", 2 -> "2 rows". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)}${nbsp}${n === 1 ? one : many}`;
}

/** Decimal units, as disks and clouds bill them: 58368 -> "58.4 KB". */
export function bytes(sizeBytes: number): string {
  if (!Number.isFinite(sizeBytes)) return dash;
  if (sizeBytes < 1000) return `${Math.round(sizeBytes)}${nbsp}B`;
  // 999,950 bytes would round to "1000.0 KB": the unit is chosen after rounding.
  const units = ["KB", "MB", "GB", "TB"];
  let size = sizeBytes / 1000;
  let unit = 0;
  while (size >= 999.95 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size.toFixed(1)}${nbsp}${units[unit]}`;
}

/** 0.0004 -> "0.4 ms", 0.042 -> "42 ms", 9.27 -> "9.3 s", 84 -> "1 min 24 s", 7500 -> "2 h 5 min". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return dash;
  if (seconds > 0 && seconds < 0.00995) return `${(seconds * 1000).toFixed(1)}${nbsp}ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)}${nbsp}ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)}${nbsp}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}${nbsp}min${nbsp}${whole % 60}${nbsp}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}${nbsp}h${nbsp}${minutes % 60}${nbsp}min`;
}

/** A plain number at a given number of digits after the point. */
export function fixed(n: number, digits: number): string {
  return Number.isFinite(n) ? n.toFixed(digits) : dash;
}

/** p-values below a thousandth are only "< 0.001". */
export function pValue(p: number): string {
  if (!Number.isFinite(p)) return dash;
  return p < 0.001 ? `p${nbsp}<${nbsp}0.001` : `p${nbsp}=${nbsp}${p.toFixed(3)}`;
}

/** ISO 8601 -> "25 November 2026, 10:41 UTC"; an unreadable date is shown as it came. */
export function dateTime(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${dates.format(date)} UTC`;
}

const integers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const dates = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "long",
  timeStyle: "short",
  timeZone: "UTC",
});
