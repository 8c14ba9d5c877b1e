import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { tinyPlace, toyJob, tuneClasses, withoutValidation } from "./testing.ts";

const place = tinyPlace();

describe("full fine-tuning as a baseline", () => {
  it("is measured beside the prompt, and the prompt's bytes stay the same", async () => {
    const plain = await tuneClasses(toyJob(place.tiny, place.folder));
    const job = toyJob(place.tiny, place.folder, { fullTuning: true });
    const { report, stored } = await tuneClasses(job);
    expect(stored.id).toBe(plain.stored.id);
    const full = report.candidates.find(({ name }) => name === "full");
    expect(full).toMatchObject({ title: "full fine-tuning", published: false });
    expect(full?.heldOut?.rows).toBe(15);
    expect(full?.test?.rows).toBe(15);
    const words = report.notes.find((note) => note.startsWith("Full fine-tuning"));
    expect(words).toMatch(/million weights, \d+ s for all its runs, the last of \d+ epochs, [\d.]+ MB/);
    // All that the bundle holds, in halves.
    const weights = await place.tiny.backbone.weights();
    const numbers = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
    expect(full?.sizeBytes).toBe(2 * numbers);
    expect(await readdir(place.folder)).toEqual(["prompt.safetensors"]);
  });

  it("has an answer for every held-out row where the training rows are their own judge", async () => {
    const job = withoutValidation(
      toyJob(place.tiny, place.folder, { fullTuning: true, epochs: 1, method: "head" }),
    );
    const { report } = await tuneClasses(job);
    const full = report.candidates.find(({ name }) => name === "full");
    expect(full?.heldOut?.rows).toBe(30);
  });
});
