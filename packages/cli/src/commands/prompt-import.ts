import { decodePrompt, encodePrompt } from "@kilotune/prompt";
import { importPrompt } from "@kilotune/prompt/exchange";
import { writePromptFile } from "@kilotune/prompt/node";
import { openBase } from "../base-model.ts";
import { defineCommand } from "../command.ts";
import { prepareOutput } from "../output-file.ts";
import { oneLine } from "../terminal/printable.ts";
import { bytes } from "../terminal/units.ts";
import { usageError } from "../usage-error.ts";

export const promptImport = defineCommand({
  summary: "Make a prompt file of another system's prompt",
  details:
    "PEFT folders (prompt tuning, P-tuning, prefix tuning, multitask, LoRA), checkpoints of P-tuning v2, bare tensors of TGIS\n" +
    "(decoder.pt) and NumPy. They are read as data: nothing in them is run. The answers are the other system's.",
  positionals: { source: { value: "FOLDER|FILE", count: "one", about: "What the other system saved" } },
  flags: {
    backbone: { kind: "text", value: "ID|FOLDER", about: "The model that it was tuned on; always needed" },
    out: { kind: "text", value: "FILE", about: "The prompt", default: "./prompt.safetensors" },
    labels: {
      kind: "text",
      value: "JSON",
      about: "Names of the classes: a list, or a config.json with id2label",
    },
    task: { kind: "integer", value: "N", min: 0, max: 1_000_000, about: "Which one, of a multitask prompt" },
    head: { kind: "text", value: "FILE", about: "The head's tensors, where the prompt has none" },
    pooling: {
      kind: "choice",
      of: ["first_position", "cls_after_prompt"],
      about: "What the head reads, of a bare tensor; first_position else",
    },
  },
  examples: [
    {
      line: "kilotune prompt import test/exchange/goldens/prefix-tuning --backbone packages/backbone/src/bert/goldens/tiny",
      purpose: "a folder that PEFT saved",
    },
    {
      line: "kilotune prompt import decoder.pt --head head.safetensors --backbone minilm-l6 --labels config.json",
      purpose: "a bare tensor, its head from another file",
    },
  ],
  async run({ source, backbone, out, labels: labelsFile, task, head, pooling }, terminal) {
    if (backbone === undefined)
      throw usageError(
        "prompt import",
        "--backbone is missing",
        "Name the model that the prompt was tuned on: what the file says of it is never opened.",
      );
    await prepareOutput(out);
    await using base = await openBase(backbone, terminal);
    const { prompt, notes } = await importPrompt(source, base, {
      ...(labelsFile === undefined ? {} : { labelsFile }),
      ...(task === undefined ? {} : { task }),
      ...(head === undefined ? {} : { head }),
      ...(pooling === undefined ? {} : { pooling }),
    });
    for (const note of notes) terminal.say(`note: ${oneLine(note, 500)}`);
    const file = encodePrompt(prompt, { storage: "float32" });
    const { id, sizeBytes } = await decodePrompt(file);
    await writePromptFile(out, file);
    const { method, labels, origin, reading } = prompt.manifest;
    const result = { path: out, id, sizeBytes, method, labels, origin, reading, notes };
    terminal.result(result, () => {
      const from = oneLine([origin?.format, origin?.kind].filter(Boolean).join(" "), 100);
      return `${out}: ${from} as ${method}, ${labels.length} labels, ${bytes(sizeBytes)}\n${id}`;
    });
    return 0;
  },
});
