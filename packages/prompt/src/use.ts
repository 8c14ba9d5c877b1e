import { KilotuneError } from "@kilotune/contract";
import { USES, type Use, type UseName, usesOf } from "./manifest/uses.ts";
import type { PromptManifest } from "./manifest.ts";
import type { Prompt, StoredPrompt } from "./prompt.ts";

/** What a prompt is for, by its name in code. */
export function useOf({ input, task }: Pick<PromptManifest, "task"> & { readonly input?: string }): UseName {
  return usesOf(input).find((name) => USES[name].task.value === task)!;
}

export function isFor<Name extends UseName>(prompt: Prompt, use: Name): prompt is Prompt & Prompt<Use<Name>> {
  return useOf(prompt.manifest) === use;
}

/**
 * The same prompt, its type that of the use that is expected.
 * @throws KilotuneError `wrong_task`
 */
export function expectUse<Name extends UseName>(stored: StoredPrompt, use: Name): StoredPrompt<Use<Name>> {
  const { manifest } = stored.prompt;
  if (isFor(stored.prompt, use)) return stored as StoredPrompt<Use<Name>>;
  throw new KilotuneError(
    "wrong_task",
    `expected a prompt for ${words(use)}, but saw one for ${words(useOf(manifest))}`,
    `Ask it for what it was tuned for (${manifest.task}), or give another prompt.`,
    { kind: "usage" },
  );
}

function words(use: UseName): string {
  return `${USES[use].task.value} of ${use.startsWith("image") ? "images" : "texts"}`;
}
