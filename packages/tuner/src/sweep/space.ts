import {
  KilotuneError,
  SWEPT,
  type SweptLimits,
  type SweptName,
  type SweptSettings as Candidate,
} from "@kilotune/contract";
import { prng } from "@kilotune/dataset";

/** Values one by one, or everything between two, evenly or by their logarithm. */
export type Range =
  | { readonly kind: "values"; readonly values: readonly number[] }
  | { readonly kind: "linear" | "log"; readonly from: number; readonly to: number };

export type SweepSpace = ReadonlyMap<SweptName, Range>;

export type { Candidate, SweptName };

/**
 * `tokens=4,8,16`, `dropout=0..0.3`, `promptLearningRate=1e-3..1e-1:log`: a setting and what it may be.
 * @throws KilotuneError `bad_sweep`
 */
export function parseSweep(texts: readonly string[]): SweepSpace {
  const space = new Map<SweptName, Range>();
  for (const text of texts) {
    const [, name = "", range = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    if (!Object.hasOwn(SWEPT, name))
      throw badSweep(`NAME=RANGE with a NAME of ${Object.keys(SWEPT).join(", ")}`, text);
    if (space.has(name as SweptName)) throw badSweep(`${name} once`, text);
    space.set(name as SweptName, parseRange(name as SweptName, range, text));
  }
  return space;
}

function parseRange(name: SweptName, range: string, text: string): Range {
  const limits: SweptLimits = SWEPT[name];
  const [, from, to, scale] =
    /^([^.,:]+(?:\.\d+)?(?:e[+-]?\d+)?)\.\.([^,:]+)(?::(log|linear))?$/.exec(range) ?? [];
  const numbers = from === undefined ? range.split(",") : [from, to as string];
  const values = numbers.map((each) => {
    const value = each.trim() === "" ? Number.NaN : Number(each);
    const isGood =
      value >= limits.least && value <= limits.most && (!limits.whole || Number.isInteger(value));
    if (!isGood)
      throw badSweep(
        `${limits.whole ? "whole numbers" : "numbers"} from ${limits.least} to ${limits.most}`,
        text,
      );
    return value;
  });
  if (from === undefined) return { kind: "values", values: [...new Set(values)] };
  const [low, high] = values as [number, number];
  if (low >= high) throw badSweep("a range from a smaller number to a larger one", text);
  if (scale === "log" && low <= 0) throw badSweep("a logarithmic range above 0", text);
  return { kind: scale === "log" ? "log" : "linear", from: low, to: high };
}

/**
 * Every combination of the values.
 * @throws KilotuneError `bad_sweep` where a range has no values of its own, or there are more combinations than `most`
 */
export function gridOf(space: SweepSpace, most = 1000): Candidate[] {
  let grid: Candidate[] = [{}];
  for (const [name, range] of space) {
    if (range.kind !== "values")
      throw badSweep(`values for a grid, like ${name}=1,2,3`, `a range of ${name}`);
    if (grid.length * range.values.length > most)
      throw badSweep(`at most ${most} combinations`, `more with ${name}`);
    grid = grid.flatMap((candidate) => range.values.map((value) => ({ ...candidate, [name]: value })));
  }
  return grid;
}

/** So many different candidates at random, fewer where the space has no more. Same seed, same candidates. */
export function drawCandidates(space: SweepSpace, count: number, seed: number): Candidate[] {
  const random = prng(seed, "sweep");
  const drawn = new Map<string, Candidate>();
  for (let attempt = 0; attempt < 50 * count && drawn.size < count; attempt++) {
    const candidate = Object.fromEntries(
      [...space].map(([name, range]) => [name, drawFrom(range, SWEPT[name].whole, random)]),
    );
    drawn.set(JSON.stringify(candidate), candidate);
  }
  return [...drawn.values()];
}

function drawFrom(range: Range, whole: boolean, random: ReturnType<typeof prng>): number {
  if (range.kind === "values") return range.values[random.integer(range.values.length)] as number;
  const { from, to } = range;
  const at = random.uniform();
  if (range.kind === "log") {
    const value = from * (to / from) ** at;
    return whole ? Math.round(value) : Number(value.toPrecision(3));
  }
  return whole ? from + random.integer(to - from + 1) : Number((from + at * (to - from)).toPrecision(3));
}

function badSweep(expected: string, seen: string): KilotuneError {
  return new KilotuneError(
    "bad_sweep",
    `expected ${expected}, saw ${seen}`,
    "Write ranges like tokens=4,8,16 or dropout=0..0.3 or promptLearningRate=1e-3..1e-1:log.",
    { kind: "usage" },
  );
}
