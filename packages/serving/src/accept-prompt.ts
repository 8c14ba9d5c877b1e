import type { BackboneManifest, VisionManifest } from "@kilotune/backbone";
import { isCodedError, KilotuneError, type TaskName } from "@kilotune/contract";
import { decodePrompt, type StoredPrompt } from "@kilotune/prompt";
import { preparePrompt } from "./text/prepare-prompt.ts";
import { prepareImagePrompt, tiledSha256Of } from "./vision/prepare-prompt.ts";

/** A prompt's file from outside, found to be one that a backbone served here can answer with. */
export interface AcceptedPrompt {
  /** SHA-256 of `bytes`, as hex. */
  readonly sha256: string;
  /** Id of the backbone. */
  readonly backbone: string;
  /** What it was tuned for. */
  readonly task: TaskName;
  /** The file as it is to be stored: of our own format, as given. */
  readonly bytes: Uint8Array;
}

/**
 * Judges a file that nobody vouches for as a request with it would: decoded within its caps, held against the backbone of
 * the same hashes, laid out as for a pass. Another format than ours has its place here: it becomes a file of ours first.
 *
 * @throws KilotuneError `invalid_prompt`, `prompt_too_large`, `unsupported_prompt_version`, `prompt_too_long`, `wrong_task`;
 *   `backbone_mismatch` naming the hashes of both sides
 */
export async function acceptPrompt(
  bytes: Uint8Array,
  served: readonly (BackboneManifest | VisionManifest)[],
): Promise<AcceptedPrompt> {
  const stored = await decoded(bytes);
  const { backbone, task } = stored.prompt.manifest;
  const own = served.find(({ identity }) => identity.weightsSha256 === backbone.weightsSha256);
  if (own === undefined) throw notServed(stored, served);
  if ("kind" in own) prepareImagePrompt(stored, own, await tiledSha256Of(own));
  else preparePrompt(stored, own);
  return { sha256: stored.id.replace(/^sha256-/, ""), backbone: own.id, task, bytes };
}

async function decoded(bytes: Uint8Array): Promise<StoredPrompt> {
  try {
    return await decodePrompt(bytes);
  } catch (error) {
    // Of a stored prompt these would be faults of ours.
    if (!isCodedError(error) || error.kind !== "input" || OWN_WORDS.has(error.code)) throw error;
    throw new KilotuneError("invalid_prompt", error.message, error.hint, { param: "file", cause: error });
  }
}

const OWN_WORDS: ReadonlySet<string> = new Set(["prompt_too_large", "unsupported_prompt_version"]);

function notServed(
  { prompt }: StoredPrompt,
  served: readonly (BackboneManifest | VisionManifest)[],
): KilotuneError {
  const { weightsSha256 } = prompt.manifest.backbone;
  const here = served.map(({ id, identity }) => `${identity.weightsSha256} (${id})`).join(", ");
  return new KilotuneError(
    "backbone_mismatch",
    `the prompt was tuned on a backbone that isn't served here: expected weights of SHA-256 ${weightsSha256}, but saw ${here}`,
    "Serve that backbone too, or tune again on one that is served.",
    { param: "file" },
  );
}
