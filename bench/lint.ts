import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { type Prng, prng } from "@kilotune/dataset";
import { defineBench, say, Unavailable } from "./support/bench.ts";
import { REPOSITORY } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "kilotune lint of a training and a validation file with planted copies, near copies and leaks",
  goal: "1,000,000 rows within 20 s and 400 MB, every copy and leak found, 90 % of the near ones",
  flags: { rows: 1_000_000 },
  run: ({ rows }) =>
    withFolder(async (folder) => {
      const [train, validation] = [path.join(folder, "train.jsonl"), path.join(folder, "validation.jsonl")];
      const planted = await writeFiles({ train, validation }, rows);
      say(`${rows} rows written`);
      const start = performance.now();
      const cli = path.join(REPOSITORY, "packages/cli/src/main.ts");
      const child = spawn(process.execPath, [cli, "lint", train, "--validation", validation, "--json"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [printed, peakMb] = await Promise.all([text(child.stdout), peakOf(child)]);
      const seconds = (performance.now() - start) / 1000;
      const found = countsOf(printed);
      const exact = found.duplicate_rows === planted.copies && found.leak === planted.leaks;
      const near = found.near_duplicate_rows >= 0.9 * planted.nearCopies;
      const nearLeaks = found.near_leak >= 0.9 * planted.nearLeaks;
      return {
        figures: { rows, seconds, peakMb, planted, found },
        reached: seconds <= 20 && peakMb <= 400 && exact && near && nearLeaks,
      };
    }),
});

interface Planted {
  copies: number;
  leaks: number;
  nearCopies: number;
  nearLeaks: number;
}

/** Nine tenths to train on; of either file one row in a hundred is a copy of an earlier row, one in a hundred nearly one. */
async function writeFiles(files: { train: string; validation: string }, rows: number): Promise<Planted> {
  const random = prng(0, "lint");
  const vocabulary = Array.from({ length: 20_000 }, () => wordOf(random));
  const planted: Planted = { copies: 0, leaks: 0, nearCopies: 0, nearLeaks: 0 };
  const earlier: { text: string; label: string }[] = [];
  const fresh = () => ({
    text: Array.from({ length: 8 + random.integer(12) }, () => vocabulary[skewed(random)]).join(" "),
    label: `intent ${random.integer(77)}`,
  });
  const near = ({ text: of, label }: { text: string; label: string }) => ({
    text: `${of}, ${wordOf(random)}!`,
    label,
  });
  const write = async (file: string, count: number, row: (at: number) => object) => {
    const stream = createWriteStream(file);
    for (let at = 0; at < count; at++)
      if (!stream.write(`${JSON.stringify(row(at))}\n`)) await once(stream, "drain");
    stream.end();
    await once(stream, "close");
  };
  const kept = () => earlier[random.integer(earlier.length)] as (typeof earlier)[number];
  await write(files.train, Math.round(0.9 * rows), (at) => {
    if (at % 100 === 40) planted.copies++;
    if (at % 100 === 80) planted.nearCopies++;
    if (at % 100 === 40) return kept();
    if (at % 100 === 80) return near(kept());
    const row = fresh();
    if (earlier.length < 5000) earlier.push(row);
    return row;
  });
  await write(files.validation, Math.round(0.1 * rows), (at) => {
    if (at % 100 === 40) planted.leaks++;
    if (at % 100 === 80) planted.nearLeaks++;
    return at % 100 === 40 ? kept() : at % 100 === 80 ? near(kept()) : fresh();
  });
  return planted;
}

/** As often used as words are: few very often. */
function skewed(random: Prng): number {
  return Math.floor(20_000 * random.uniform() ** 4);
}

function wordOf(random: Prng): string {
  const letters = Array.from({ length: 3 + random.integer(7) }, () => 97 + random.integer(26));
  return String.fromCharCode(...letters);
}

/** Megabytes that the process held at most. */
async function peakOf(child: ChildProcess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0));
    await setTimeout(50);
  }
  if (peak === 0) throw new Unavailable("no /proc to read a process's memory from");
  return (peak * 1024) / 1e6;
}

/** How many rows each warning counts. */
function countsOf(printed: string): Record<keyof typeof FILE_OF, number> {
  const { warnings } = JSON.parse(printed.trim().split("\n").at(-1) as string) as {
    warnings: { file: string; code: string; message: string }[];
  };
  const countOf = (code: keyof typeof FILE_OF) =>
    Number.parseInt(
      warnings.find((each) => each.code === code && each.file.endsWith(FILE_OF[code]))?.message ?? "0",
      10,
    );
  return {
    duplicate_rows: countOf("duplicate_rows"),
    near_duplicate_rows: countOf("near_duplicate_rows"),
    leak: countOf("leak"),
    near_leak: countOf("near_leak"),
  };
}

const FILE_OF = {
  duplicate_rows: "train.jsonl",
  near_duplicate_rows: "train.jsonl",
  leak: "validation.jsonl",
  near_leak: "validation.jsonl",
} as const;
