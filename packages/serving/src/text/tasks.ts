import { KilotuneError } from "@kilotune/contract";
import { type Prompt, type StoredPrompt, type Use, type UseName, useOf } from "@kilotune/prompt";
import {
  type ClassCalibration,
  decodeClass,
  decodeLabels,
  type ClassAnswer,
  type LabelCalibration,
} from "../classes.ts";

/** What a prompt makes of a text, and how the head's numbers become an answer. */
export type TextTask =
  | { readonly kind: "classification"; readonly calibration: ClassCalibration }
  | { readonly kind: "multi_label"; readonly calibration: LabelCalibration }
  | { readonly kind: "regression"; readonly calibration: Use<"textRegression">["calibration"] }
  | { readonly kind: "tagging"; readonly calibration: Use<"textTagging">["calibration"] }
  | { readonly kind: "retrieval" };

export type TextPrompt = Prompt<Use<(typeof SERVED)[number]>>;

/** A prompt that a backbone of texts answers with. @throws KilotuneError `wrong_task` */
export function forTexts({ prompt, id }: StoredPrompt): { readonly id: string; readonly prompt: TextPrompt } {
  const { manifest } = prompt;
  if ((SERVED as readonly UseName[]).includes(useOf(manifest))) return { id, prompt: prompt as TextPrompt };
  const input = "image" in manifest.backbone ? "images" : "texts";
  throw new KilotuneError(
    "wrong_task",
    `expected a prompt for texts of one of the tasks served, but saw one for ${manifest.task} of ${input}`,
    input === "images" ? "Ask a backbone of images with it." : "This server doesn't answer that task.",
    { kind: "usage" },
  );
}

const SERVED = [
  "textClassification",
  "textMultiLabel",
  "textRegression",
  "textTagging",
  "textRetrieval",
] as const;

export function taskOf(manifest: TextPrompt["manifest"]): TextTask {
  switch (manifest.task) {
    case "classification":
      return { kind: manifest.task, calibration: manifest.calibration };
    case "multi_label":
      return { kind: manifest.task, calibration: manifest.calibration };
    case "regression":
      return { kind: manifest.task, calibration: manifest.calibration };
    case "tagging":
      return { kind: manifest.task, calibration: manifest.calibration };
    case "retrieval":
      return { kind: manifest.task };
  }
}

/** @throws KilotuneError `wrong_task` where the prompt wasn't tuned for classes */
export function classesOf(task: TextTask, labels: readonly string[], logits: Float64Array): ClassAnswer {
  switch (task.kind) {
    case "classification":
      return decodeClass(labels, logits, task.calibration);
    case "multi_label":
      return decodeLabels(labels, logits, task.calibration);
    default:
      throw otherTask("classification or multi_label", task);
  }
}

/** The number that was learnt. @throws KilotuneError `wrong_task` where none was */
export function numberOf(task: TextTask, logits: Float64Array): number {
  if (task.kind !== "regression") throw otherTask("regression", task);
  const { mean, scale } = task.calibration;
  return mean + scale * logits[0]!;
}

export function otherTask(expected: string, { kind }: TextTask): KilotuneError {
  return new KilotuneError(
    "wrong_task",
    `expected a prompt for ${expected}, but saw one for ${kind}`,
    "Ask it for what it was tuned for, or give another prompt.",
    { kind: "usage" },
  );
}
