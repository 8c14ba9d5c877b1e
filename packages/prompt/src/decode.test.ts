import { isCodedError } from "@kilotune/contract";
import type { Tensor } from "@kilotune/engine";
import { describe, expect, test, vi } from "vitest";
import { decodePrompt } from "./decode.ts";
import { encodePrompt } from "./encode.ts";
import { MANIFEST_KEY } from "./manifest.ts";
import { isPromptId } from "./prompt-id.ts";
import { headPrompt, softPrompt } from "./sample-prompts.ts";
import { type Tampering, tamper } from "./tamper.ts";

const SHUFFLED = ["m", "__proto__", "10", "9", "b", "Ü", "a", "constructor", " ", "\ud83d", "toString", "B"];

describe("labels", () => {
  test("label order lost through a set: 12 shuffled labels keep their order (geti#2397)", async () => {
    const bytes = encodePrompt(headPrompt({ labels: SHUFFLED }), { storage: "float16" });
    expect((await decodePrompt(bytes)).prompt.manifest.labels).toEqual(SHUFFLED);
  });

  test("class mapping rebuilt at load: another number of labels than head rows (simpletransformers#255)", async () => {
    const bytes = tamper({ manifest: (manifest) => ({ ...manifest, labels: ["refund", "delivery"] }) });
    await expect(decodePrompt(bytes)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[KilotuneError: prompt file: expected tensor "head.weight" to be float16 [2, 4] for 2 labels, but saw float16 [3, 4]]`,
    );
  });
});

test("keys did not match and were ignored: a misspelt tensor is named both ways (peft#1646)", async () => {
  const bytes = tamper({ tensors: (tensors) => rename(tensors, "head.weight", "head.wieght") });
  await expect(decodePrompt(bytes)).rejects.toThrowErrorMatchingInlineSnapshot(
    `[KilotuneError: prompt file: expected the tensors "kv", "head.weight" of method "kv" with a cosine head, but saw missing: "head.weight"; unexpected: "head.wieght"]`,
  );
});

test("config could make the loader run remote code: settings are inert text (peft prompt_tuning/model.py)", async () => {
  const prompt = headPrompt();
  const settings = { trust_remote_code: "true", tokenizer: "http://169.254.169.254/latest" };
  const manifest = {
    ...prompt.manifest,
    backbone: { ...prompt.manifest.backbone, id: "http://169.254.169.254/model" },
    receipt: { ...prompt.manifest.receipt!, settings },
  };
  const fetched = vi.spyOn(globalThis, "fetch");
  const { prompt: read } = await decodePrompt(encodePrompt({ ...prompt, manifest }, { storage: "float16" }));
  expect(read.manifest).toEqual(manifest);
  expect(fetched).not.toHaveBeenCalled();
  fetched.mockRestore();
});

describe("a file is refused by name of what is wrong", () => {
  const sha = "ab".repeat(31);
  const cases: [name: string, tampering: Tampering, code: string, message: string][] = [
    [
      "a model's weights",
      { metadata: () => new Map([["format", "pt"]]) },
      "bad_prompt",
      'prompt file: expected metadata "kilotune.prompt" with a manifest, but saw only "format"',
    ],
    [
      "no metadata",
      { metadata: () => new Map() },
      "bad_prompt",
      'prompt file: expected metadata "kilotune.prompt" with a manifest, but saw no metadata',
    ],
    [
      "a manifest that isn't JSON",
      { metadata: () => new Map([[MANIFEST_KEY, "{\u001b[31m"]]) },
      "bad_prompt",
      "prompt file: expected a manifest in JSON, but saw SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    ],
    [
      "a manifest of more than 1 MB",
      { metadata: () => new Map([[MANIFEST_KEY, `"${"x".repeat(2 ** 20)}"`]]) },
      "bad_prompt",
      "prompt file: expected a manifest of at most 1048576 bytes, but saw 1048578",
    ],
    [
      "a manifest that isn't an object",
      { manifest: () => [1] },
      "unsupported_prompt_version",
      'prompt manifest: expected format "kilotune.prompt/1", but saw nothing',
    ],
    [
      "a newer format",
      { manifest: (manifest) => ({ ...manifest, format: "kilotune.prompt/2", more: 1 }) },
      "unsupported_prompt_version",
      'prompt manifest: expected format "kilotune.prompt/1", but saw "kilotune.prompt/2"',
    ],
    [
      "another method",
      { manifest: (manifest) => ({ ...manifest, method: "adapter" }) },
      "bad_prompt",
      'prompt manifest: "method": expected "kv", "soft", "lora", "bias", "channels", "border" or "head", but saw "adapter"',
    ],
    [
      "another task",
      { manifest: (manifest) => ({ ...manifest, task: "detection" }) },
      "bad_prompt",
      'prompt manifest: "task": expected "classification", "multi_label", "regression", "tagging" or "retrieval", but saw "detection"',
    ],
    [
      "another input",
      { manifest: (manifest) => ({ ...manifest, input: "sound" }) },
      "bad_prompt",
      'prompt manifest: "input": expected none, "text_pair" or "image", but saw "sound"',
    ],
    [
      "a seed that is a text",
      {
        manifest: (manifest) => ({ ...manifest, receipt: { ...manifest.receipt, seed: "7" } }),
      },
      "bad_prompt",
      'prompt manifest: "receipt.seed": Invalid input: expected number, received string',
    ],
    [
      "many faults at once",
      {
        manifest: (manifest) => ({ ...manifest, maxTokens: 0, storage: "int8", head: null, labels: 1, a: 1 }),
      },
      "bad_prompt",
      'prompt manifest: "head": Invalid input: expected object, received null; "maxTokens": Too small: expected number to be >0, but saw 0; "labels": Invalid input: expected array, received number; and 2 more',
    ],
    [
      "an empty object",
      { manifest: () => ({}) },
      "unsupported_prompt_version",
      'prompt manifest: expected format "kilotune.prompt/1", but saw nothing',
    ],
    [
      "an unknown key",
      { manifest: (manifest) => ({ ...manifest, "trust\u001b": true }) },
      "bad_prompt",
      'prompt manifest: Unrecognized key: "trust\\u001b"',
    ],
    [
      "a setting that is an object",
      {
        manifest: (manifest) => ({ ...manifest, receipt: { ...manifest.receipt, settings: { a: {} } } }),
      },
      "bad_prompt",
      'prompt manifest: "receipt.settings.a": expected a string or a number',
    ],
    [
      "a short hash",
      {
        manifest: (manifest) => ({ ...manifest, backbone: { ...manifest.backbone, weightsSha256: sha } }),
      },
      "bad_prompt",
      'prompt manifest: "backbone.weightsSha256": expected 64 lower-case hex digits, but saw "ababababababababababababababababababababababababababababababab"',
    ],
    [
      "no labels",
      { manifest: (manifest) => ({ ...manifest, labels: [] }) },
      "bad_prompt",
      'prompt manifest: "labels": Too small: expected array to have >=1 items',
    ],
    [
      "an empty label",
      { manifest: (manifest) => ({ ...manifest, labels: ["a", "", "b"] }) },
      "bad_prompt",
      'prompt manifest: "labels.1": Too small: expected string to have >=1 characters, but saw ""',
    ],
    [
      "a label twice",
      { manifest: (manifest) => ({ ...manifest, labels: ["a", "b", "a"] }) },
      "bad_prompt",
      'prompt manifest: "labels": "a" is there twice, at 0 and 2',
    ],
    [
      "a scale of zero",
      { manifest: (manifest) => ({ ...manifest, head: { ...manifest.head, scale: 0 } }) },
      "bad_prompt",
      'prompt manifest: "head.scale": Too small: expected number to be >0, but saw 0',
    ],
    [
      "an infinite scale",
      {
        metadata: (metadata) =>
          new Map([[MANIFEST_KEY, metadata.get(MANIFEST_KEY)!.replace('"scale":20', '"scale":1e999')]]),
      },
      "bad_prompt",
      'prompt manifest: "head.scale": Invalid input: expected number, received Infinity',
    ],
    [
      "layers that the backbone hasn't",
      {
        manifest: (manifest) => ({ ...manifest, sites: { firstLayer: 2, layers: 2, tokens: 5 } }),
      },
      "bad_prompt",
      `prompt manifest: "sites": layers 2 to 3 don't exist in a backbone of 3`,
    ],
    [
      "more tokens than a computer holds",
      {
        manifest: (manifest) => ({ ...manifest, sites: { firstLayer: 1, layers: 2, tokens: 2 ** 52 } }),
      },
      "bad_prompt",
      'prompt file: expected tensor "kv" to be float16 [2, 2, 2, 4503599627370496, 3], but saw float16 [2, 2, 2, 5, 3]',
    ],
    [
      "another method than the tensors'",
      {
        manifest: ({ sites: _, ...manifest }) => ({ ...manifest, method: "head" }),
      },
      "bad_prompt",
      'prompt file: expected the tensors "head.weight" of method "head" with a cosine head, but saw missing: none; unexpected: "kv"',
    ],
    [
      "a bias that a cosine head hasn't",
      {
        tensors: (tensors) => new Map(tensors).set("head.bias", half([3])),
      },
      "bad_prompt",
      'prompt file: expected the tensors "kv", "head.weight" of method "kv" with a cosine head, but saw missing: none; unexpected: "head.bias"',
    ],
    [
      "a linear head without its bias",
      {
        manifest: (manifest) => ({ ...manifest, head: { kind: "linear", scale: 20 } }),
      },
      "bad_prompt",
      'prompt file: expected the tensors "kv", "head.weight", "head.bias" of method "kv" with a linear head, but saw missing: "head.bias"; unexpected: none',
    ],
    [
      "fifty surplus tensors",
      {
        tensors: (tensors) =>
          new Map([...tensors, ...Array.from({ length: 50 }, (_, i) => [`x${i}`, half([1])] as const)]),
      },
      "bad_prompt",
      'prompt file: expected the tensors "kv", "head.weight" of method "kv" with a cosine head, but saw missing: none; unexpected: "x0", "x1", "x10", "x11", "x12" and 45 more',
    ],
    [
      "dims in another order",
      { tensors: (tensors) => new Map(tensors).set("kv", half([2, 2, 5, 2, 3])) },
      "bad_prompt",
      'prompt file: expected tensor "kv" to be float16 [2, 2, 2, 5, 3], but saw float16 [2, 2, 5, 2, 3]',
    ],
    [
      "another storage",
      { manifest: (manifest) => ({ ...manifest, storage: "float32" }) },
      "bad_prompt",
      'prompt file: expected tensor "kv" to be float32 [2, 2, 2, 5, 3], but saw float16 [2, 2, 2, 5, 3]',
    ],
    [
      "a NaN",
      { tensors: (tensors) => new Map(tensors).set("kv", half([2, 2, 2, 5, 3], 0x7e00)) },
      "non_finite",
      'tensor "kv": expected finite numbers, but saw the half 0x7e00 at index 0 of shape [2, 2, 2, 5, 3]',
    ],
    [
      "an infinity",
      { tensors: (tensors) => new Map(tensors).set("head.weight", half([3, 4], 0xfc00)) },
      "non_finite",
      'tensor "head.weight": expected finite numbers, but saw the half 0xfc00 at index 0 of shape [3, 4]',
    ],
  ];

  test.each(cases)("%s", async (_name, tampering, code, message) => {
    const error = await decodePrompt(tamper(tampering)).then(
      () => expect.unreachable("it should have been refused"),
      (reason) => reason,
    );
    expect(isCodedError(error)).toBe(true);
    expect([error.code, error.message]).toEqual([code, message]);
    expect(error.hint).not.toBe("");
  });

  test("64 MB and a byte, before anything is read or copied", async () => {
    await expect(decodePrompt(new Uint8Array(2 ** 26 + 1))).rejects.toMatchObject({
      code: "prompt_too_large",
    });
  });
});

describe("the id", () => {
  test("is the SHA-256 of the file, and any other byte gives another", async () => {
    const bytes = encodePrompt(softPrompt(), { storage: "float16" });
    const { id } = await decodePrompt(bytes);
    const sha256 = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
    expect(id).toBe(`sha256-${Buffer.from(sha256).toString("hex")}`);
    expect(isPromptId(id)).toBe(true);
    bytes[bytes.length - 2]! ^= 1;
    expect((await decodePrompt(bytes)).id).not.toBe(id);
  });

  test("belongs to the numbers, even if the caller's buffer is used again meanwhile", async () => {
    for (const storage of ["float16", "float32"] as const) {
      const bytes = encodePrompt(softPrompt(), { storage });
      const whole = await decodePrompt(bytes.slice());
      const reading = decodePrompt(bytes);
      bytes.fill(0);
      expect(await reading).toEqual(whole);
    }
  });
});

function rename(tensors: ReadonlyMap<string, Tensor>, from: string, to: string): ReadonlyMap<string, Tensor> {
  return new Map([...tensors].map(([name, tensor]) => [name === from ? to : name, tensor]));
}

function half(dims: readonly number[], bits = 0x3c00): Tensor {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return { type: "float16", dims, data: new Uint16Array(length).fill(bits) };
}
