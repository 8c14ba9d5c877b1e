import { isCodedError, type KilotuneError } from "@kilotune/contract";
import { float32, type Tensor } from "@kilotune/engine";
import { expect, it, describe } from "vitest";
import { decodePrompt } from "../decode.ts";
import { encodePrompt } from "../encode.ts";
import { type ImportOptions, importPrompt } from "./import.ts";
import { exportPeft } from "./peft-export.ts";
import {
  CLASSES,
  type Folder,
  HEAD,
  memoryBase,
  PREFIX_WIDTH,
  peftFolder,
  SIZES,
  temporaryFolder,
  tensor,
} from "./testing.ts";

const { hiddenSize: H } = SIZES;
const base = memoryBase();

/** "code: message | hint" of what an import is refused with. */
async function refusal(source: Folder | string, options: ImportOptions = {}, of = base): Promise<string> {
  const path = typeof source === "string" ? source : source.path;
  try {
    await importPrompt(path, of, options);
    return "imported";
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return `${error.code}: ${error.message.replaceAll(path, "FOLDER")} | ${error.hint}`;
  }
}

describe("an adapter of PEFT", () => {
  it("becomes a prompt file that says where it comes from and how it reads", async () => {
    await using folder = await peftFolder();
    const { prompt, notes } = await importPrompt(folder.path, base, { labels: ["a", "b", "c"] });
    const { prompt: stored } = await decodePrompt(encodePrompt(prompt, { storage: "float32" }));
    expect(notes).toEqual([]);
    expect(stored.manifest).toMatchObject({
      method: "soft",
      sites: { tokens: 4 },
      labels: ["a", "b", "c"],
      maxTokens: 32,
      reading: { pooling: "first_position", textPositions: "after_prompt" },
      origin: {
        format: "peft",
        kind: "PROMPT_TUNING",
        version: "0.21.2",
        baseModel: "someone/bert",
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
    expect(stored.manifest.receipt).toBeUndefined();
    expect(stored).toEqual({ ...prompt, manifest: { ...prompt.manifest, storage: "float32" } });
  });

  // sentence-transformers#3980: a trained head was drawn anew on loading.
  it("keeps the head's numbers to the bit", async () => {
    await using folder = await peftFolder();
    const { prompt } = await importPrompt(folder.path, base);
    expect(prompt.head).toMatchObject({
      kind: "mlp",
      weight: HEAD["base_model.classifier.weight"].data,
      bias: HEAD["base_model.classifier.bias"].data,
      dense: await base.read("pooler.dense.weight", [H, H]),
    });
  });

  it("says what was ignored, and that classes have no names", async () => {
    await using folder = await peftFolder({ shiny_new_field: 1 });
    const { prompt, notes } = await importPrompt(folder.path, base);
    expect(prompt.manifest.labels).toEqual(["LABEL_0", "LABEL_1", "LABEL_2"]);
    expect(notes).toEqual([
      expect.stringContaining('ignored as PEFT does: "shiny_new_field"'),
      expect.stringContaining("LABEL_0"),
    ]);
  });

  // peft's prompt_tuning/model.py strips trust_remote_code from these; here they are text that nobody reads.
  it("opens and fetches nothing that its config names", async () => {
    const evil = "http://169.254.169.254/latest";
    await using folder = await peftFolder({
      base_model_name_or_path: evil,
      tokenizer_name_or_path: evil,
      tokenizer_kwargs: { trust_remote_code: true },
      prompt_tuning_init_state_dict_path: "/dev/zero",
      auto_mapping: { base_model_class: "os", parent_library: "os" },
    });
    const { prompt } = await importPrompt(folder.path, base);
    expect(prompt.manifest.origin!.baseModel).toBe(evil);
  });

  // peft#1646: keys that didn't match were ignored.
  it.each<[name: string, change: (tensors: Record<string, Tensor>) => void, seen: string]>([
    [
      "a misspelt key",
      (t) => {
        t.prompt_embedings = t.prompt_embeddings!;
        delete t.prompt_embeddings;
      },
      'missing: "prompt_embeddings"; unexpected: "prompt_embedings"',
    ],
    ["an extra key", (t) => (t.extra = tensor([2], 1)), 'missing: none; unexpected: "extra"'],
    [
      "another width",
      (t) => (t.prompt_embeddings = tensor([4, H + 1], 1)),
      '"prompt_embeddings" of shape [4, 6], but saw [4, 7]',
    ],
    [
      "another number of tokens",
      (t) => (t.prompt_embeddings = tensor([5, H], 1)),
      '"prompt_embeddings" of shape [4, 6], but saw [5, 6]',
    ],
    [
      "a head of another width",
      (t) => (t["base_model.classifier.weight"] = tensor([CLASSES, H + 1], 1)),
      "of shape [any, 6], but saw [3, 7]",
    ],
    [
      "a bias of another length",
      (t) => (t["base_model.classifier.bias"] = tensor([CLASSES + 1], 1)),
      "of shape [3], but saw [4]",
    ],
    [
      "integers",
      (t) => (t.prompt_embeddings = { type: "int8", dims: [4, H], data: new Int8Array(4 * H) }),
      "int8",
    ],
  ])("is refused for %s, by its name", async (_, change, seen) => {
    await using folder = await peftFolder();
    const tensors: Record<string, Tensor> = { prompt_embeddings: tensor([4, H], 10), ...HEAD };
    change(tensors);
    await folder.write("adapter_model.safetensors", tensors);
    expect(await refusal(folder)).toMatch(/^bad_foreign_prompt: /);
    expect(await refusal(folder)).toContain(seen);
  });

  it.each([NaN, Infinity])("is refused for %s, by its place", async (value) => {
    const data = new Float32Array(4 * H);
    data[7] = value;
    await using folder = await peftFolder({}, { prompt_embeddings: float32(data, [4, H]) });
    expect(await refusal(folder)).toMatch(/^non_finite: tensor "prompt_embeddings": .* at index 7/);
  });

  // peft#577, transformers#26160: without its head a prompt answered at random.
  it("is refused without a head", async () => {
    await using folder = await peftFolder();
    await folder.write("adapter_model.safetensors", { prompt_embeddings: tensor([4, H], 10) });
    expect(await refusal(folder)).toMatch(/^no_head: .*no head tensors/);
  });

  it("is refused where the pooler was drawn at random", async () => {
    await using folder = await peftFolder();
    expect(await refusal(folder, {}, memoryBase(["pooler.dense.weight"]))).toMatch(/^no_head: .*pooler/);
  });

  it.each([
    [{ peft_type: "ADALORA" }, "third matrix"],
    [{ peft_type: "CPT" }, "generate"],
    [{ peft_type: "CARTRIDGE" }, "caches"],
    [{ peft_type: "IA3" }, "IA3 scales"],
    [{ peft_type: "NEXT" }, "isn't a method that a prompt file holds"],
    [{ task_type: "CAUSAL_LM" }, "generates"],
    // transformers#29970
    [{ task_type: "SEQ_2_SEQ_LM" }, "an encoder and a decoder"],
    [{ task_type: "TOKEN_CLS" }, "tags tokens"],
    [{ task_type: "FEATURE_EXTRACTION" }, "vectors without a head"],
    [{ task_type: null }, "no task"],
    [{ num_transformer_submodules: 2 }, "num_transformer_submodules 2"],
  ])("of %o is refused by name", async (config, seen) => {
    await using folder = await peftFolder(config);
    expect(await refusal(folder)).toMatch(/^unsupported_prompt_kind: /);
    expect(await refusal(folder)).toContain(seen);
  });

  it.each<[name: string, config: string, seen: string]>([
    ["no JSON", "{", "JSON"],
    ["a list", "[]", "config"],
    ["no type", "{}", "peft_type"],
    ["tokens that are text", '{"peft_type":"PREFIX_TUNING","num_virtual_tokens":"4"}', "num_virtual_tokens"],
    ["no tokens", '{"peft_type":"PREFIX_TUNING","task_type":"SEQ_CLS"}', "num_virtual_tokens"],
    [
      "2^63 tokens",
      '{"peft_type":"PREFIX_TUNING","num_virtual_tokens":9223372036854775807}',
      "num_virtual_tokens",
    ],
  ])("with a config of %s is refused", async (_, config, seen) => {
    await using folder = await peftFolder();
    await folder.write("adapter_config.json", config);
    expect(await refusal(folder)).toMatch(/^bad_foreign_prompt: /);
    expect(await refusal(folder)).toContain(seen);
  });

  it("whose header says 2^63 bytes, or isn't one, is refused", async () => {
    await using folder = await peftFolder();
    const bytes = new Uint8Array(64);
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 63n, true);
    await folder.write("adapter_model.safetensors", bytes);
    expect(await refusal(folder)).toMatch(/^bad_safetensors: .*9223372036854775808/);
    await folder.write("adapter_model.safetensors", "<!doctype html>");
    expect(await refusal(folder)).toMatch(/^bad_safetensors: .*web page/);
  });

  it("that isn't the default one lies a folder deeper, and the hint says so", async () => {
    await using folder = await temporaryFolder();
    await folder.write("support/adapter_config.json", "{}");
    expect(await refusal(folder)).toMatch(/^bad_foreign_prompt: .*"support".* folder of its name/);
  });
});

describe("a prefix of PEFT", () => {
  const config = { peft_type: "PREFIX_TUNING" };
  const prefix = { prompt_embeddings: tensor([4, PREFIX_WIDTH], 11) };

  it("goes into all layers, the text behind it", async () => {
    await using folder = await peftFolder(config, prefix);
    const { prompt } = await importPrompt(folder.path, base);
    expect(prompt.manifest).toMatchObject({
      method: "kv",
      sites: { firstLayer: 0, layers: 2, tokens: 4 },
      reading: { pooling: "cls_after_prompt", textPositions: "after_prompt" },
    });
  });

  // peft#1901, #2881: heads and head dimension of another model.
  it.each([
    [{ num_attention_heads: 3 }, "2 layers of 2 key and value heads of 3"],
    [{ num_layers: 12 }, "num_layers 12"],
    [{ token_dim: 768 }, "token_dim 768"],
  ])("of a model with %o is refused", async (other, seen) => {
    await using folder = await peftFolder({ ...config, ...other }, prefix);
    expect(await refusal(folder)).toMatch(/^bad_foreign_prompt: /);
    expect(await refusal(folder)).toContain(seen);
  });

  it("of another product is refused with the expected one, tokens x layers x 2 x heads x head dimension", async () => {
    await using folder = await peftFolder(config, { prompt_embeddings: tensor([4, PREFIX_WIDTH * 2], 1) });
    expect(await refusal(folder)).toContain(`of shape [4, ${2 * 2 * 2 * 3}], but saw [4, 48]`);
  });

  it.each([129, 39])("of %i tokens is refused: too long to serve, or for the positions", async (tokens) => {
    const long = { prompt_embeddings: tensor([tokens, PREFIX_WIDTH], 1) };
    await using folder = await peftFolder({ ...config, num_virtual_tokens: tokens }, long);
    expect(await refusal(folder)).toMatch(new RegExp(`^prompt_too_long: .*at most 38 tokens, saw ${tokens}`));
  });
});

describe("a multitask prompt of PEFT", () => {
  const config = { peft_type: "MULTITASK_PROMPT_TUNING", num_tasks: 2, num_ranks: 2 };
  const tensors = { prefix_task_cols: tensor([2, 4, 2], 12), prefix_task_rows: tensor([2, 2, H], 13) };

  it("needs to be told which task, and knows which there are", async () => {
    await using folder = await peftFolder(config, tensors);
    expect(await refusal(folder)).toContain("a task from 0 to 1");
    expect(await refusal(folder, { task: 2 })).toContain("saw 2");
    const { prompt } = await importPrompt(folder.path, base, { task: 1 });
    expect(prompt.manifest.origin!.task).toBe(1);
  });

  it("with rows and columns of other ranks is refused", async () => {
    await using folder = await peftFolder(config, { ...tensors, prefix_task_rows: tensor([2, 3, H], 13) });
    expect(await refusal(folder, { task: 0 })).toContain("of shape [2, 2, 6], but saw [2, 3, 6]");
  });
});

describe("a checkpoint of P-tuning v2", () => {
  const head = { "classifier.weight": tensor([CLASSES, H], 8), "classifier.bias": tensor([CLASSES], 9) };
  const prefix = { "prefix_encoder.embedding.weight": tensor([4, PREFIX_WIDTH], 11) };
  const frozen = { "bert.pooler.dense.bias": tensor([H], 6), "bert.pooler.dense.weight": tensor([H, H], 5) };
  const norm = "bert.embeddings.LayerNorm.bias";

  it("is a folder or a file; its config names the classes", async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write("model.safetensors", {
      ...prefix,
      ...head,
      ...frozen,
      [norm]: tensor([H], 4),
    });
    await folder.write("config.json", JSON.stringify({ id2label: { 0: "x", 1: "y", 2: "z" } }));
    expect((await importPrompt(folder.path, base)).prompt.manifest.labels).toEqual(["x", "y", "z"]);
    expect((await importPrompt(file, base)).prompt.manifest.origin!.format).toBe("p-tuning-v2");
  });

  it.each<[name: string, tensors: Record<string, Tensor>, seen: RegExp]>([
    [
      "frozen weights of another model",
      { ...prefix, ...head, [norm]: tensor([H], 99) },
      /^bad_foreign_prompt: .*other numbers in "bert\.embeddings\.LayerNorm\.bias"/,
    ],
    [
      "weights that the backbone doesn't have",
      { ...prefix, ...head, "bert.encoder.layer.7.output.dense.bias": tensor([H], 4) },
      /^bad_foreign_prompt: .*which it doesn't have/,
    ],
    [
      "RoBERTa's weights",
      { ...prefix, ...head, "roberta.pooler.dense.bias": tensor([H], 4) },
      /^unsupported_prompt_kind: .*roberta/,
    ],
    [
      "a prompt of input tokens",
      { "prefix_encoder.weight": tensor([4, H], 4), ...head },
      /^unsupported_prompt_kind: .*embeds the words of a text twice/,
    ],
    [
      "half of a projection",
      {
        "prefix_encoder.embedding.weight": tensor([4, H], 1),
        "prefix_encoder.trans.0.weight": tensor([5, H], 1),
        ...head,
      },
      /^bad_foreign_prompt: .*missing: "prefix_encoder\.trans\.0\.bias", /,
    ],
    ["an extra key", { ...prefix, ...head, other: tensor([1], 1) }, /unexpected: "other"/],
    ["no head", prefix, /^no_head/],
  ])("is refused for %s", async (_, tensors, seen) => {
    await using folder = await temporaryFolder();
    const file = await folder.write("model.safetensors", tensors);
    expect(await refusal(file)).toMatch(seen);
  });
});

describe("other files", () => {
  it.each<[name: string, tensors: Record<string, Tensor>, seen: RegExp]>([
    [
      "PEFT's tensors without their config",
      { prompt_embeddings: tensor([4, H], 1) },
      /adapter_config\.json beside/,
    ],
    [
      "visual prompts",
      { "enc.transformer.prompt_embeddings": tensor([1, 4, H], 1) },
      /^unsupported_prompt_kind: .*visual/,
    ],
    [
      "LoRA's matrices",
      { "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight": tensor([2, H], 1) },
      /^bad_foreign_prompt: .*adapter_config\.json beside/,
    ],
    ["whatever", { weird: tensor([1], 1) }, /^bad_foreign_prompt: .*"weird"/],
  ])("with %s are refused by name", async (_, tensors, seen) => {
    await using folder = await temporaryFolder();
    expect(await refusal(await folder.write("a.safetensors", tensors))).toMatch(seen);
  });

  it("a TGIS folder with an encoder's prompt belongs to another kind of model", async () => {
    await using folder = await temporaryFolder();
    await folder.write("encoder.pt", "x");
    await folder.write("decoder.pt", "x");
    expect(await refusal(folder)).toMatch(/^unsupported_prompt_kind: .*encoder\.pt/);
  });

  it("nothing, a device and an empty folder are refused", async () => {
    await using folder = await temporaryFolder();
    expect(await refusal(`${folder.path}/none`)).toMatch(/^file_not_found/);
    expect(await refusal("/dev/zero")).toMatch(/^not_a_file/);
    expect(await refusal(folder)).toMatch(/^bad_foreign_prompt: .*none/);
  });
});

describe("settings", () => {
  it("that would change nothing are refused", async () => {
    await using folder = await peftFolder();
    expect(await refusal(folder, { task: 0 })).toContain("a multitask prompt");
    expect(await refusal(folder, { pooling: "first_position" })).toContain("a bare tensor alone");
    const head = await folder.write("head.safetensors", HEAD);
    expect(await refusal(folder, { head })).toContain("one head");
  });

  it("a head of one row is a regression, not a class", async () => {
    await using folder = await peftFolder(
      {},
      { "base_model.classifier.weight": tensor([1, H], 8), "base_model.classifier.bias": tensor([1], 9) },
    );
    expect(await refusal(folder)).toMatch(/^unsupported_prompt_kind: .*regression/);
  });

  it("labels must be as many as the head has rows", async () => {
    await using folder = await peftFolder();
    expect(await refusal(folder, { labels: ["a", "b"] })).toContain("expected 3 labels");
    expect(await refusal(folder, { labels: ["a", "b", "b"] })).toMatch(/^bad_prompt: .*twice/);
  });
});

describe("labels", () => {
  it.each([
    ['["x", "y", "z"]'],
    ['{"0": "x", "2": "z", "1": "y"}'],
    ['{"id2label": {"0": "x", "1": "y", "2": "z"}, "model_type": "bert"}'],
  ])("come from a file of %s", async (content) => {
    await using folder = await peftFolder();
    const labelsFile = await folder.write("names.json", content);
    const { prompt, notes } = await importPrompt(folder.path, base, { labelsFile });
    expect(prompt.manifest.labels).toEqual(["x", "y", "z"]);
    expect(notes).toEqual([]);
  });

  it.each(["", "[1, 2, 3]", '{"0": "x", "2": "z"}', "[]", '{"id2label": 3}', '{"__proto__": "x"}'])(
    "of a file with %s are refused",
    async (content) => {
      await using folder = await peftFolder();
      const labelsFile = await folder.write("names.json", content);
      expect(await refusal(folder, { labelsFile })).toMatch(/^bad_foreign_prompt: .*JSON list of names/);
    },
  );
});

describe("exportPeft", () => {
  it("gives PEFT's own files, config and tensors as they were read", async () => {
    const prefix = tensor([4, PREFIX_WIDTH], 11);
    await using folder = await peftFolder({ peft_type: "PREFIX_TUNING" }, { prompt_embeddings: prefix });
    const { prompt } = await importPrompt(folder.path, base, { labels: ["a", "b", "c"] });
    const files = await exportPeft(prompt, base);
    expect([...files.keys()]).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "id2label.json",
      "README.md",
    ]);
    expect(JSON.parse(files.get("adapter_config.json") as string)).toMatchObject({
      peft_type: "PREFIX_TUNING",
      task_type: "SEQ_CLS",
      num_virtual_tokens: 4,
      base_model_name_or_path: "someone/bert",
    });
    await using copy = await temporaryFolder();
    for (const [name, content] of files) await copy.write(name, content);
    const again = await importPrompt(copy.path, base);
    expect(again.prompt).toMatchObject({ ...prompt, manifest: { labels: ["a", "b", "c"] } });
    expect((again.prompt as typeof prompt & { kv: unknown }).kv).toEqual((prompt as { kv?: unknown }).kv);
  });

  it("refuses what PEFT would read otherwise, and says how", async () => {
    await using folder = await peftFolder();
    const { prompt } = await importPrompt(folder.path, base);
    const refused = async (changed: object) =>
      exportPeft({ ...prompt, ...changed } as typeof prompt, base).then(
        () => "exported",
        (error: KilotuneError) => `${error.code}: ${error.message}`,
      );
    const { reading, ...tuned } = prompt.manifest;
    expect(await refused({ manifest: tuned })).toMatch(/^not_expressible: .*positions from 0/);
    const cls = { ...reading, pooling: "cls_after_prompt" };
    expect(await refused({ manifest: { ...tuned, reading: cls } })).toMatch(
      /^not_expressible: .*cls_after_prompt/,
    );
    expect(await refused({ head: { ...prompt.head, kind: "linear" } })).toMatch(
      /^not_expressible: .*linear head/,
    );
    const dense = tensor([H, H], 77).data;
    expect(await refused({ head: { ...prompt.head, dense } })).toMatch(/^not_expressible: .*pooler/);
    expect(await refused({ method: "head" })).toMatch(/^not_expressible: .*a head alone/);
    expect(await refused({ method: "bias" })).toMatch(/^not_expressible: .*differences of biases/);
    const foreign = { ...prompt.manifest.backbone, weightsSha256: "ff".repeat(32) };
    expect(await refused({ manifest: { ...prompt.manifest, backbone: foreign } })).toMatch(
      /^backbone_mismatch/,
    );
  });
});
