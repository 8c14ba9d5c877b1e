import type { Tensor } from "@kilotune/engine";
import { describe, expect, it } from "vitest";
import { importPrompt } from "./import.ts";
import { exportPeft } from "./peft-export.ts";
import { CLASSES, memoryBase, SIZES, temporaryFolder, tensor } from "./testing.ts";

/** What PEFT makes of such files is in test/exchange; here is what is refused, and where the numbers go. */

const { hiddenSize: H, layers: L } = SIZES;
const R = 2;

const CONFIG = {
  peft_type: "LORA",
  task_type: "SEQ_CLS",
  r: R,
  lora_alpha: 3,
  target_modules: ["query", "value"],
  fan_in_fan_out: true,
};

const HEAD = {
  "base_model.model.classifier.weight": tensor([CLASSES, H], 8),
  "base_model.model.classifier.bias": tensor([CLASSES], 9),
};

const nameOf = (layer: number, part: string, matrix: string) =>
  `base_model.model.bert.encoder.layer.${layer}.attention.self.${part}.lora_${matrix}.weight`;

function matrices(): Record<string, Tensor> {
  const all: Record<string, Tensor> = {};
  for (let layer = 0; layer < L; layer++)
    for (const part of ["query", "value"]) {
      all[nameOf(layer, part, "A")] = tensor([R, H], 20 + layer);
      all[nameOf(layer, part, "B")] = tensor([H, R], 30 + layer);
    }
  return all;
}

async function imported(config: object = {}, tensors: Record<string, Tensor> = { ...matrices(), ...HEAD }) {
  await using folder = await temporaryFolder();
  await folder.write("adapter_config.json", JSON.stringify({ ...CONFIG, ...config }));
  await folder.write("adapter_model.safetensors", tensors);
  // Awaited here: the folder is gone behind it.
  return await importPrompt(folder.path, memoryBase());
}

const refusal = (...args: Parameters<typeof imported>) =>
  imported(...args).then(
    () => "",
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );

describe("LoRA of PEFT", () => {
  it.each([
    ["alpha / rank", {}, 3 / R],
    ["alpha / sqrt(rank)", { use_rslora: true }, 3 / Math.sqrt(R)],
    ["a module's own alpha", { alpha_pattern: { "layer.0.attention.self.query": 8 } }, 8 / R],
  ])("has its scale within B: %s", async (_, config, scale) => {
    const { prompt, notes } = await imported(config);
    if (prompt.method !== "lora") throw new Error(prompt.method);
    expect(prompt.manifest).toMatchObject({
      sites: { firstLayer: 0, layers: L, rank: R },
      reading: { pooling: "cls_after_prompt", textPositions: "from_zero" },
      origin: { format: "peft", kind: "LORA" },
    });
    expect(notes.join()).not.toContain("ignored");
    const A = matrices()[nameOf(0, "query", "A")]!.data as Float32Array;
    const B = matrices()[nameOf(0, "query", "B")]!.data as Float32Array;
    expect(prompt.lora.data.subarray(0, R * H)).toEqual(A);
    const turned = Float32Array.from(
      { length: R * H },
      (_, at) => scale * B[(at % H) * R + Math.floor(at / H)]!,
    );
    expect(prompt.lora.data.subarray(R * H, 2 * R * H)).toEqual(turned);
  });

  it("goes back to PEFT and comes again to the bit", async () => {
    const { prompt } = await imported({ layers_to_transform: [1] }, layerOne());
    const files = await exportPeft(prompt, memoryBase());
    await using folder = await temporaryFolder();
    for (const [name, content] of files) await folder.write(name, content);
    const again = await importPrompt(folder.path, memoryBase());
    expect(again.prompt).toMatchObject({ lora: (prompt as { lora: object }).lora, head: prompt.head });
    expect(JSON.parse(files.get("adapter_config.json") as string)).toMatchObject({
      layers_to_transform: [1],
      lora_alpha: R,
    });
  });

  it.each<[name: string, respell: (name: string) => string]>([
    ["of a wrapped model's state", (name) => name.replace(/(lora_[AB])\./, "$1.default.")],
    ["without a prefix", (name) => name.replace("base_model.model.", "")],
  ])("is found under the names %s", async (_, respell) => {
    const tensors = Object.entries({ ...matrices(), ...HEAD }).map(([name, each]) => [respell(name), each]);
    const { prompt } = await imported({}, Object.fromEntries(tensors));
    expect(prompt).toMatchObject({ lora: ((await imported()).prompt as { lora: object }).lora });
  });

  it.each([
    [{ use_dora: true }, "DoRA"],
    [{ use_qalora: true }, "QALoRA"],
    [{ lora_bias: true }, "lora_bias"],
    [{ bias: "all" }, 'bias "all"'],
    [{ init_lora_weights: "pissa_niter_4" }, "pissa"],
    [{ layer_replication: [[0, 1]] }, "layer_replication"],
    [{ alpha_pattern: { "(a+)+$": 1 } }, "alpha_pattern"],
    [{ task_type: "TOKEN_CLS" }, "tags tokens"],
  ])("with %o is refused by name", async (config, seen) => {
    const told = await refusal(config);
    expect(told).toMatch(/^unsupported_prompt_kind: /);
    expect(told).toContain(seen);
  });

  it("on a module that a prompt has no site for is refused by its name", async () => {
    const key = nameOf(0, "key", "A");
    const told = await refusal({}, { ...matrices(), ...HEAD, [key]: tensor([R, H], 1) });
    expect(told).toMatch(/^unsupported_prompt_kind: .*encoder\.layer\.0\.attention\.self\.key/);
    const beyond = await refusal(
      {},
      { ...matrices(), ...HEAD, [nameOf(L, "query", "A")]: tensor([R, H], 1) },
    );
    expect(beyond).toMatch(/^unsupported_prompt_kind: .*layers 0 to 1/);
  });

  it("names keys that are missing, extra, misspelt or misshapen", async () => {
    const { [nameOf(1, "value", "B")]: _, ...without } = matrices();
    expect(await refusal({}, { ...without, ...HEAD })).toMatch(
      /^bad_foreign_prompt: .*missing: "encoder\.layer\.1\.attention\.self\.value\.lora_B\.weight"; unexpected: none/,
    );
    const misspelt = {
      ...without,
      ...HEAD,
      [nameOf(1, "value", "B").replace("lora_B", "lora_b")]: tensor([H, R], 1),
    };
    expect(await refusal({}, misspelt)).toMatch(/^bad_foreign_prompt: .*unexpected: .*lora_b/);
    const misshapen = { ...matrices(), ...HEAD, [nameOf(0, "query", "B")]: tensor([H, R + 1], 1) };
    expect(await refusal({}, misshapen)).toMatch(/^bad_foreign_prompt: .*\[6, 2\].*\[6, 3\]/);
    expect(await refusal({ r: 4 })).toMatch(/^bad_foreign_prompt: .*lora_A.*\[4, 6\]/);
    expect(await refusal({ target_modules: ["query"] })).toMatch(
      /^bad_foreign_prompt: .*unexpected: .*value/,
    );
    expect(await refusal({}, matrices())).toMatch(/^no_head: /);
    expect(await refusal({ r: "2" })).toMatch(/^bad_foreign_prompt: .*r: /);
  });
});

function layerOne(): Record<string, Tensor> {
  const own = Object.entries(matrices()).filter(([name]) => name.includes("layer.1."));
  return { ...Object.fromEntries(own), ...HEAD };
}
