import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";
import { HEAD, memoryBase, peftFolder, SIZES, temporaryFolder } from "./exchange/testing.ts";
import { readPromptFile } from "./file.ts";
import { adopt } from "./readme.example.ts";

it("the README's example adopts a prompt of PEFT and gives it back", async () => {
  const [readme, example] = await Promise.all(
    ["../README.md", "./readme.example.ts"].map((file) => readFile(new URL(file, import.meta.url), "utf8")),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);

  await using adapter = await peftFolder();
  await using checkpoint = await temporaryFolder();
  const { about } = memoryBase();
  const weights = memoryBase().weights;
  // As a task model's checkpoint names them, the norm as TensorFlow did.
  const named = [...weights].map(([name, tensor]) => [
    `bert.${name.replace("LayerNorm.weight", "LayerNorm.gamma")}`,
    tensor,
  ]);
  await checkpoint.write("model.safetensors", Object.fromEntries(named));
  const { id, licence, ...identity } = about.backbone;
  const facts = {
    ...about,
    id,
    licence,
    identity,
    family: "bert",
    config: { ...SIZES, layerNormEpsilon: 1e-12 },
  };
  const out = path.join(checkpoint.path, "prompt.safetensors");
  expect(await adopt(adapter.path, out, checkpoint.path, facts)).toMatchObject({
    origin: { format: "peft", kind: "PROMPT_TUNING" },
    notes: [],
    files: ["adapter_config.json", "adapter_model.safetensors", "id2label.json", "README.md"],
  });
  const { prompt } = await readPromptFile(out);
  expect(prompt.head).toMatchObject({ bias: HEAD["base_model.classifier.bias"].data });
  await expect(adopt(adapter.path, out, checkpoint.path, { ...facts, family: "llama" })).rejects.toThrow(
    expect.objectContaining({ code: "unsupported_prompt_kind" }),
  );
});
