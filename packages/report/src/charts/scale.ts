/** A linear axis whose ends and ticks are round numbers. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
  /** Digits after the point that tell neighbouring ticks apart. */
  readonly digits: number;
}

/**
 * The smallest round axis around the finite ones among `values`, with about `wanted` steps of 1, 2 or 5 times a power of
 * ten. Values that are as good as equal get room on both sides; no finite value gives 0..1.
 */
export function niceScale(values: readonly number[], wanted: number): Scale {
  const finite = values.filter(Number.isFinite);
  let [low, high] = finite.length === 0 ? [0, 1] : extent(finite);
  // Values closer than this differ by rounding only, and their ticks could not be told apart in 12 digits.
  if (high - low < Math.max(1e-12, 1e-9 * Math.max(Math.abs(low), Math.abs(high)))) {
    const room = Math.abs(low) > 1e-12 ? Math.abs(low) / 2 : 1;
    [low, high] = [low - room, high + room];
  }
  const step = niceStep((high - low) / wanted);
  // Counting in whole steps keeps 0.1 + 0.2 out of the ticks.
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => clean((first + i) * step));
  return {
    min: ticks[0]!,
    max: ticks.at(-1)!,
    ticks,
    digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)),
  };
}

/** Whole-number ticks inside the range; the ends stay as they are, for an axis that counts (epochs). */
export function wholeScale(first: number, last: number, wanted: number): Scale {
  const step = Math.max(1, niceStep((last - first) / wanted));
  const ticks: number[] = [];
  for (let tick = Math.ceil(first / step) * step; tick <= last; tick += step) ticks.push(tick);
  return { min: first, max: last, ticks, digits: 0 };
}

/** Where a value lies on the axis, 0..1; an axis of one value puts it in the middle. */
export function position({ min, max }: Pick<Scale, "min" | "max">, value: number): number {
  return max === min ? 0.5 : (value - min) / (max - min);
}

function niceStep(raw: number): number {
  if (!(raw > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((f) => f * power >= raw * (1 - 1e-9)) ?? 10;
  return factor * power;
}

// Math.min(...values) overflows the stack on long runs.
function extent(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], v) => [Math.min(low, v), Math.max(high, v)],
    [Infinity, -Infinity],
  );
}

function clean(value: number): number {
  return Number(value.toPrecision(12));
}
