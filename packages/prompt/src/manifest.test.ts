import { describe, expect, it } from "vitest";
import { decodePrompt } from "./decode.ts";
import { encodePrompt } from "./encode.ts";
import { parseManifest } from "./manifest.ts";
import { headPrompt, kvPrompt, softPrompt } from "./sample-prompts.ts";
import { roundToStorage } from "./storage.ts";

const ORIGIN = { format: "peft", kind: "PREFIX_TUNING", version: "0.21.2", sha256: "ee".repeat(32) } as const;
const READING = { pooling: "first_position", textPositions: "after_prompt" } as const;

/** Of an imported prompt. */
function imported({ receipt, ...manifest }: ReturnType<typeof softPrompt>["manifest"]) {
  return { ...manifest, origin: ORIGIN, reading: READING };
}

describe("a manifest", () => {
  it("has a receipt of a tuning or an origin elsewhere, never both and never none", () => {
    const { manifest } = softPrompt();
    const { origin, ...neither } = imported(manifest);
    expect(() => parseManifest({ ...manifest, origin })).toThrow(
      "either a receipt or an origin, received both",
    );
    expect(() => parseManifest(neither)).toThrow("received neither");
    expect(parseManifest(imported(manifest))).toEqual(imported(manifest));
  });

  it.each([
    [{ origin: { ...ORIGIN, url: "http://169.254.169.254" } }, "origin"],
    [{ origin: { ...ORIGIN, format: "pickle" } }, "origin.format"],
    [{ origin: { format: "peft" } }, "origin.sha256"],
    [{ origin: { ...ORIGIN, task: -1 } }, "origin.task"],
    [{ reading: { pooling: "mean", textPositions: "from_zero" } }, "reading.pooling"],
    [{ reading: { pooling: "first_position" } }, "reading.textPositions"],
    [{ head: { kind: "mlp" } }, "head.scale"],
  ])("with %o is refused by its place", (change, place) => {
    expect(() => parseManifest({ ...imported(softPrompt().manifest), ...change })).toThrow(`"${place}"`);
  });

  it.each([kvPrompt(), headPrompt()])(
    "can't pool a position that method $method doesn't have",
    ({ manifest }) => {
      expect(() => parseManifest({ ...manifest, reading: READING })).toThrow(
        "no position before the text's first",
      );
      const cls = { ...READING, pooling: "cls_after_prompt" };
      expect(parseManifest({ ...manifest, reading: cls })).toMatchObject({ reading: cls });
    },
  );
});

describe("an mlp head", () => {
  it.each(["float16", "float32"] as const)(
    "comes back from a file in %s as it was rounded",
    async (storage) => {
      const prompt = softPrompt({ head: "mlp" });
      const rounded = roundToStorage(prompt, storage);
      expect((await decodePrompt(encodePrompt(rounded, { storage }))).prompt).toEqual(rounded);
      if (storage === "float32") expect(rounded.head).toEqual(prompt.head);
    },
  );

  it("of another width than the backbone's is its maker's fault", () => {
    const prompt = softPrompt({ head: "mlp" });
    const head = { ...prompt.head, dense: new Float32Array(3) } as typeof prompt.head;
    expect(() => encodePrompt({ ...prompt, head }, { storage: "float32" })).toThrow();
  });
});
