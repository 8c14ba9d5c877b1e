import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Checkpoint } from "@kilotune/tuner";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointFile, removeCheckpoints } from "./checkpoint-files.ts";

let folder: string;
let notes: string[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-checkpoint-"));
  notes = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = (key: string, resume = true) =>
  checkpointFile(folder, "final", key, { resume, onUnusable: (words) => notes.push(words) });

describe("a checkpoint's file", () => {
  it("holds the last state that was saved, and no other file stays beside it", async () => {
    await open("job").save(EXAMPLE);
    const later = { ...EXAMPLE, state: { ...EXAMPLE.state, step: 2 } };
    await open("job").save(later);
    expect(await open("job").load()).toEqual(later);
    expect(await readdir(folder)).toEqual(["final.checkpoint"]);
  });

  it("that isn't there is none, without a word", async () => {
    expect(await open("job").load()).toBeUndefined();
    expect(notes).toEqual([]);
  });

  it("of another job is left alone, with a word", async () => {
    await open("job").save(EXAMPLE);
    expect(await open("other").load()).toBeUndefined();
    expect(notes).toEqual([expect.stringContaining("is of another job")]);
    expect(await open("job").load()).toEqual(EXAMPLE);
  });

  it("with one bit flipped anywhere is told as damaged, and never gone on with", async () => {
    await open("job").save(EXAMPLE);
    const file = path.join(folder, "final.checkpoint");
    const whole = await readFile(file);
    for (const at of [0, 31, 32, Math.floor(whole.length / 2), whole.length - 1]) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 4;
      await writeFile(file, bytes);
      expect(await open("job").load()).toBeUndefined();
      expect(notes.at(-1)).toContain("is damaged");
    }
    await writeFile(file, whole.subarray(0, 20));
    expect(await open("job").load()).toBeUndefined();
    expect(notes).toHaveLength(6);
  });

  it("isn't read where nobody asked to resume", async () => {
    await open("job").save(EXAMPLE);
    expect(await open("job", false).load()).toBeUndefined();
  });

  it("that can't be written is told as a fault of the machine", async () => {
    await writeFile(path.join(folder, "taken"), "");
    const blocked = checkpointFile(path.join(folder, "taken"), "final", "job", {
      resume: false,
      onUnusable: () => {},
    });
    await expect(blocked.save(EXAMPLE)).rejects.toMatchObject({ code: "checkpoint_failed", kind: "machine" });
  });
});

describe("removing checkpoints", () => {
  it("takes the folder along", async () => {
    const nested = path.join(folder, "checkpoints");
    await mkdir(nested);
    for (const name of ["selection-0.checkpoint", "final.checkpoint", "final.checkpoint.tmp"])
      await writeFile(path.join(nested, name), "");
    await removeCheckpoints(nested);
    expect(await readdir(folder)).toEqual([]);
    await removeCheckpoints(nested);
  });

  it("leaves whatever else somebody keeps there", async () => {
    await writeFile(path.join(folder, "final.checkpoint"), "");
    await writeFile(path.join(folder, "thesis.txt"), "");
    await removeCheckpoints(folder);
    expect(await readdir(folder)).toEqual(["thesis.txt"]);
  });
});

const EXAMPLE: Checkpoint = {
  state: {
    epoch: 0,
    step: 1,
    lossSum: 1,
    prompt: {
      values: Float32Array.of(1),
      moments: { step: 1, mean: Float32Array.of(3), square: Float32Array.of(4) },
    },
    head: {
      prototypes: {
        values: Float32Array.of(2),
        moments: { step: 1, mean: Float32Array.of(5), square: Float32Array.of(6) },
      },
    },
    batchRandom: [1, 2, 3, 4],
    dropoutRandom: [5, 6, 7, 8],
  },
  best: undefined,
  curve: [],
};
