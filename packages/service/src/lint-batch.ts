import type { LintIssue } from "@kilotune/contract";
import { decodeLines } from "@kilotune/dataset";

/**
 * What no batch could be made of: bytes that aren't lines of text, no request or too many. What is wrong with one line
 * stops no other: the batch says so in its error file.
 */
export async function lintBatch(chunks: AsyncIterable<Uint8Array>): Promise<LintIssue[]> {
  let requests = 0;
  for await (const item of decodeLines(chunks)) {
    if (item.kind !== "line") return [item.issue];
    if (item.text.trim() === "") continue;
    requests++;
    if (requests > MAX_REQUESTS)
      return [
        at(item.line, "too_many_requests", "expected at most 50,000 requests, saw more.", "Split the file."),
      ];
  }
  if (requests > 0) return [];
  return [at(0, "no_rows", "expected requests, saw none.", "Write one request a line.")];
}

function at(line: number, code: string, message: string, hint: string): LintIssue {
  return { line, column: 0, code, message, hint };
}

/** OpenAI's. */
const MAX_REQUESTS = 50_000;
