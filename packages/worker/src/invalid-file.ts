import { KilotuneError, type LintIssue } from "@kilotune/contract";

/** @param flags of the linter's command that lists every line */
export function invalidFile(name: string, errors: readonly LintIssue[], flags = ""): KilotuneError {
  const [first] = errors as [LintIssue];
  const place = first.line > 0 ? `line ${first.line}: ` : "";
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return new KilotuneError(
    "invalid_training_file",
    `${name}: ${place}${first.message}${more}`,
    `${first.hint} \`kilotune lint${flags}\` lists every line.`,
  );
}
