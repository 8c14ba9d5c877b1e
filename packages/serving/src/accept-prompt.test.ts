import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { readSafetensors, writeSafetensors } from "@kilotune/engine";
import { encodePrompt, type StoredPrompt } from "@kilotune/prompt";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { acceptPrompt } from "./accept-prompt.ts";
import { randomPrompt, tinyBackbone } from "./text/testing.ts";
import { randomImagePrompt } from "./vision/testing.ts";

const tiny = await tinyBackbone();
afterAll(() => tiny[Symbol.asyncDispose]());
const { manifest } = tiny.backbone;
const { identity } = manifest;
const other = { ...manifest, id: "other", identity: { ...identity, weightsSha256: "f".repeat(64) } };

const fileOf = ({ prompt }: StoredPrompt, changed: Partial<typeof identity> = {}) => {
  const backbone = { ...prompt.manifest.backbone, ...changed };
  const told = { ...prompt, manifest: { ...prompt.manifest, backbone } } as typeof prompt;
  return encodePrompt(told, { storage: "float16" });
};
const sound = fileOf(randomPrompt(manifest, 1, { method: "kv", head: "linear" }));
const refusal = (bytes: Uint8Array) =>
  acceptPrompt(bytes, [other, manifest]).then(
    () => expect.unreachable("it was accepted"),
    (error) => error,
  );

describe("a prompt's file from outside", () => {
  it.each(["kv", "soft", "lora", "bias", "head"] as const)(
    "that fits a served backbone is found to be its own: %s",
    async (method) => {
      const bytes = fileOf(randomPrompt(manifest, 2, { method }));
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const task = "classification";
      const accepted = { sha256, backbone: manifest.id, task, bytes };
      expect(await acceptPrompt(bytes, [other, manifest])).toEqual(accepted);
    },
  );

  it("for images is held against a backbone of images", async () => {
    await using vision = await tinyVisionBackbone();
    const images = vision.backbone.manifest;
    const shape = { task: "detection", method: "kv" } as const;
    const bytes = encodePrompt(randomImagePrompt(images, 1, shape).prompt, { storage: "float16" });
    expect(await acceptPrompt(bytes, [manifest, images])).toMatchObject({
      backbone: images.id,
      task: "detection",
    });
    await expect(acceptPrompt(bytes, [manifest])).rejects.toMatchObject({ code: "backbone_mismatch" });
    const preprocessed = { ...images, identity: { ...images.identity, preprocessingSha256: "e".repeat(64) } };
    const error = await acceptPrompt(bytes, [preprocessed]).catch((refused) => refused);
    expect(error.code).toBe("backbone_mismatch");
    expect(error.message).toContain(images.identity.preprocessingSha256);
    // The weights of one and the task of the other: a forged file reaches no session.
    const forged = { ...manifest, identity: { ...identity, weightsSha256: images.identity.weightsSha256 } };
    await expect(acceptPrompt(bytes, [forged])).rejects.toMatchObject({ code: "backbone_mismatch" });
  });

  it("of another backbone is refused with the hashes of both sides", async () => {
    const error = await refusal(
      fileOf(randomPrompt(manifest, 3, { method: "kv" }), { weightsSha256: "a".repeat(64) }),
    );
    expect(error.code).toBe("backbone_mismatch");
    for (const hash of ["a".repeat(64), "f".repeat(64), identity.weightsSha256])
      expect(error.message).toContain(hash);
    const tokenizer = await refusal(
      fileOf(randomPrompt(manifest, 3, { method: "kv" }), { tokenizerSha256: "b".repeat(64) }),
    );
    expect(tokenizer.code).toBe("backbone_mismatch");
    for (const hash of ["b".repeat(64), identity.tokenizerSha256]) expect(tokenizer.message).toContain(hash);
  });

  it("whose shapes contradict the hashes that it gives is refused", async () => {
    const forged = { ...manifest, config: { ...manifest.config, heads: 2, headDim: 16 } };
    const error = await refusal(fileOf(randomPrompt(forged, 4, { method: "kv" })));
    expect([error.code, error.message]).toEqual([
      "backbone_mismatch",
      expect.stringContaining("expected a number of heads of 2, but saw 4"),
    ]);
  });

  it("with more tokens than are served is refused", async () => {
    for (const method of ["kv", "soft"] as const)
      expect((await refusal(fileOf(randomPrompt(manifest, 5, { method, tokens: 200 })))).code).toBe(
        "prompt_too_long",
      );
  });

  it("with numbers that aren't any is refused as the caller's fault", async () => {
    const file = readSafetensors(sound);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const tensors = new Map(file.tensors);
      const bias = tensors.get("head.bias")!;
      const data = new Uint16Array(bias.data.length).fill(Number.isNaN(value) ? 0x7e00 : 0x7c00);
      tensors.set("head.bias", { ...bias, data } as typeof bias);
      const { code, kind, param } = await refusal(writeSafetensors(tensors, file.metadata));
      expect({ code, kind, param }).toEqual({ code: "invalid_prompt", kind: "input", param: "file" });
    }
  });

  it("that is none, cut off, or of another version is refused as the caller's fault", async () => {
    const none = ["", "{}", "PK\u0003\u0004", '{"text":"a","label":"b"}\n'].map((text) => Buffer.from(text));
    for (const bytes of [
      ...none,
      sound.subarray(0, -1),
      sound.subarray(0, 100),
      Buffer.concat([sound, sound]),
    ])
      expect((await refusal(bytes)).code).toBe("invalid_prompt");
    const { tensors, metadata } = readSafetensors(sound);
    const text = [...metadata.values()][0]!.replace("kilotune.prompt/1", "kilotune.prompt/9");
    const next = writeSafetensors(tensors, new Map([[[...metadata.keys()][0]!, text]]));
    expect((await refusal(next)).code).toBe("unsupported_prompt_version");
    expect((await refusal(new Uint8Array(64 * 2 ** 20 + 1))).code).toBe("prompt_too_large");
  });

  it("with a byte changed anywhere is another prompt or refused, never a fault of ours", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Uint8Array.from(sound);
        bytes[at] = (bytes[at] as number) ^ change;
        const outcome = await acceptPrompt(bytes, [other, manifest]).catch((error) => error);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ kind: "input" });
        else expect(outcome.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
      }),
      { numRuns: 500 },
    );
  });
});
