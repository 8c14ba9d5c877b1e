import os from "node:os";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where everything downloaded is kept: `KILOTUNE_CACHE`, else `~/.cache/kilotune`. Always absolute. */
export function cacheFolder(environment: Environment): string {
  return path.resolve(environment.KILOTUNE_CACHE || path.join(os.homedir(), ".cache", "kilotune"));
}

/**
 * Base URL that backbones are fetched from, without a slash at the end: `KILOTUNE_HUB` (a company's mirror), else
 * Hugging Face.
 * @throws KilotuneError `bad_hub`
 */
export function hubUrl(environment: Environment): string {
  const given = environment.KILOTUNE_HUB;
  if (!given) return "https://huggingface.co";
  const url = URL.parse(given);
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.search || url.hash) {
    throw new KilotuneError(
      "bad_hub",
      `KILOTUNE_HUB: expected an http or https address, saw ${JSON.stringify(given.slice(0, 80))}.`,
      "Set it to the mirror's base address, such as https://hub.example.com, or leave it out.",
      { kind: "usage" },
    );
  }
  return url.href.replace(/\/+$/, "");
}

/** The folder of a known backbone's files as they were published. */
export function sourceFolder(cache: string, id: string): string {
  return path.join(cache, "backbones", id, "source");
}
