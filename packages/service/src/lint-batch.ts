import type { LintIssue } from "@kilotune/contract";
import { decodeLines } from "@kilotune/dataset";

/**
 * A batch's requests, one a line: `{"custom_id", "method": "POST", "url", "body": {..}}`. What is wrong with a body is
 * said by the request's own answer.
 */
export async function lintBatch(chunks: AsyncIterable<Uint8Array>): Promise<LintIssue[]> {
  const issues: LintIssue[] = [];
  const ids = new Map<string, number>();
  let requests = 0;
  for await (const item of decodeLines(chunks)) {
    if (item.kind !== "line") {
      issues.push(item.issue);
      break;
    }
    if (item.text.trim() === "") continue;
    requests++;
    const issue = requests > MAX_REQUESTS ? tooMany(item.line) : faultOf(item.text, item.line, ids);
    if (issue !== undefined) issues.push(issue);
    if (issues.length >= MAX_ISSUES || requests > MAX_REQUESTS) break;
  }
  if (requests === 0 && issues.length === 0)
    issues.push(at(0, "no_rows", "expected requests, saw none.", "Write one request a line."));
  return issues;
}

function faultOf(text: string, line: number, ids: Map<string, number>): LintIssue | undefined {
  const request = parsed(text);
  if (request === undefined)
    return at(line, "bad_json", "expected a JSON object, saw something else.", "Write one request a line.");
  const { custom_id: id, method, url, body } = request;
  if (typeof id !== "string" || id.length < 1 || id.length > 64)
    return at(
      line,
      "custom_id",
      "expected a custom_id of 1 to 64 characters.",
      "It comes back with the answer.",
    );
  const first = ids.get(id);
  if (first !== undefined)
    return at(
      line,
      "custom_id",
      `the custom_id is that of line ${first} as well.`,
      "Give each request its own.",
    );
  ids.set(id, line);
  if (method !== "POST") return at(line, "method", 'expected the method "POST".', 'Write "method": "POST".');
  if (typeof url !== "string" || !url.startsWith("/v1/"))
    return at(line, "url", "expected a url that begins with /v1/.", 'E.g. "url": "/v1/classify".');
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return at(line, "body", "expected an object as body.", "Write what the route takes.");
  return undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function tooMany(line: number): LintIssue {
  return at(line, "too_many_requests", "expected at most 50,000 requests, saw more.", "Split the file.");
}

function at(line: number, code: string, message: string, hint: string): LintIssue {
  return { line, column: 0, code, message, hint };
}

/** OpenAI's. */
const MAX_REQUESTS = 50_000;
const MAX_ISSUES = 1000;
