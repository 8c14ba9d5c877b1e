import { usageError } from "../usage-error.ts";

/** `KEY=VALUE` words of --metadata. @throws KilotuneError of kind "usage" */
export function pairsOf(command: string, words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      throw usageError(
        command,
        "--metadata: expected KEY=VALUE",
        "Write for instance --metadata team=support.",
      );
    }),
  );
}
