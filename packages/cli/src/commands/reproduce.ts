import { readFile } from "node:fs/promises";
import { readPromptFile } from "@kilotune/prompt/node";
import { fileSource, imagesAt, type Reproduction, reproducePrompt } from "@kilotune/worker";
import { assertStartsAsData } from "../check-data.ts";
import { defineCommand } from "../command.ts";
import { assertReadable } from "../input-file.ts";
import { IMAGE_FOLDER_FLAG } from "../job-flags.ts";
import { jobProgress } from "../job-progress.ts";
import { backboneFor, precisionOf } from "../prompt-backbone.ts";
import { oneLine } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, openVision } from "../with-backbone.ts";

export const reproduce = defineCommand({
  summary: "Tune a prompt again from its receipt, and prove that the same bytes come of it",
  details:
    "The file's receipt tells seed, settings and versions; the data are yours to give. Exit code 0: the same bytes. 1: not, and\n" +
    "which part differs. Other data are told before anything is tuned.",
  positionals: { file: { value: "FILE", count: "one", about: "A prompt that `kilotune tune` wrote" } },
  flags: {
    data: { kind: "text", value: "TRAIN", about: "What it was tuned on; always needed" },
    validation: { kind: "text", value: "FILE", about: "Where it was tuned with one" },
    test: {
      kind: "text",
      value: "FILE",
      about: "Where it was tuned with one; its figures are taken over unchecked else",
    },
    init: {
      kind: "text",
      value: "FILE",
      about: "The prompt that it was tuned from (tune --init prompt:FILE)",
    },
    backbone: {
      kind: "text",
      value: "ID|FOLDER",
      about: "The one that the prompt was tuned on; the prompt's own else",
    },
    ...IMAGE_FOLDER_FLAG,
  },
  examples: [
    {
      line: "kilotune reproduce out/prompt.safetensors --data examples/support-desk/train.jsonl --test examples/support-desk/test.jsonl",
      purpose: "the whole file, figures included",
    },
  ],
  async run({ file, data: train, validation, test, init, backbone: asked, imageFolder }, terminal) {
    if (train === undefined)
      throw usageError("reproduce", "--data is missing", "Name the file that the prompt was tuned on.");
    const { manifest } = (await readPromptFile(file)).prompt;
    const named = { train, validation, test };
    const signal = terminal.io.takeInterrupt();
    const hooks = { onEvent: jobProgress(terminal), signal, clock: terminal.io.clock };
    const again = async () => {
      const initPrompt = init === undefined ? undefined : await readPromptFile(init);
      const from = initPrompt && { initPrompt };
      const bytes = new Uint8Array(await readFile(file));
      const name = backboneFor(manifest, asked);
      if ("input" in manifest && manifest.input === "image") {
        for (const each of given(named)) await assertReadable(each, { folders: true });
        const backbone = await openVision(name, terminal, signal);
        const files = {
          train: await imagesAt(train, "train", imageFolder),
          ...(validation === undefined ? {} : { validation: await imagesAt(validation, "val", imageFolder) }),
          ...(test === undefined ? {} : { test: await imagesAt(test, "test", imageFolder) }),
          ...from,
        };
        return reproducePrompt(bytes, backbone, files, hooks);
      }
      for (const each of given(named)) await assertStartsAsData(each, terminal);
      const backbone = await openBackbone(name, terminal, { signal, precision: precisionOf(manifest) });
      const files = {
        train: fileSource(train),
        ...(validation === undefined ? {} : { validation: fileSource(validation) }),
        ...(test === undefined ? {} : { test: fileSource(test) }),
        ...from,
      };
      return reproducePrompt(bytes, backbone, files, hooks);
    };
    const found = await again();
    terminal.endProgress();
    terminal.result({ path: file, ...found }, () => words(file, found));
    return found.same ? 0 : 1;
  },
});

function given(files: Readonly<Record<string, string | undefined>>): string[] {
  return Object.values(files).filter((file) => file !== undefined);
}

function words(file: string, found: Reproduction): string {
  const { same, id, idHere, parts, testTakenOver } = found;
  const lines = parts.map(({ name, receipt, here }) => [
    name,
    oneLine(receipt, 100),
    receipt === here ? "the same" : oneLine(here, 100),
  ]);
  return [
    ...table([["", "in the receipt", "here"], ...lines]),
    "",
    same
      ? `${oneLine(file, 300)}: the same bytes, ${id}`
      : `${oneLine(file, 300)}: other bytes. ${cause(found)}`,
    ...(same || idHere === undefined ? [] : [`file ${id}`, `here ${idHere}`]),
    ...(testTakenOver
      ? ["The figures of its test file were taken over: name it by --test to check them."]
      : []),
  ].join("\n");
}

/** Why, as far as the parts tell. */
function cause({ parts, places, numbers, idHere }: Reproduction): string {
  const other = parts.filter(({ receipt, here }) => receipt !== here).map(({ name }) => name);
  if (idHere === undefined) return `The data are others (${other.join(", ")}), so nothing was tuned.`;
  const because =
    other.length === 0 ? "Every part of the receipt is the same" : `It differs in ${other.join(", ")}`;
  if (numbers.differing === 0 && places.length === 0)
    return `${because}. No number of the prompt and no figure of it differs: the receipt alone does.`;
  const differing = `${numbers.differing} of ${numbers.of} numbers differ, by ${numbers.largest.toPrecision(2)} at the most`;
  const where = places.length === 0 ? "" : `; also ${oneLine(places.slice(0, 6).join(", "), 300)}`;
  const guess = other.length === 0 ? ". The code changed under one version, or it ran on another device" : "";
  return `${because}. ${differing}${where}${guess}.`;
}
