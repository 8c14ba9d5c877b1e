import type { TenantId } from "@kilotune/contract";
import { decodeLines } from "@kilotune/dataset";
import type { BatchEndpoint, BatchFault } from "./batch.ts";
import type { Service } from "./context.ts";
import { openFile } from "./files.ts";

/** A line of a batch's file that isn't blank: a request, or what is wrong with it. */
export type BatchLine = {
  /** 1-based. */
  readonly line: number;
} & (
  | { readonly customId: string; readonly body: unknown }
  | { readonly customId: string | null; readonly fault: BatchFault }
);

/**
 * All lines, in order: `{"custom_id", "method": "POST", "url", "body": {..}}` each. A custom_id counts once; what comes
 * with it again is a fault. What is wrong with a body is said by the request's own answer.
 *
 * @throws KilotuneError `not_found`
 */
export async function* readBatchLines(
  service: Service,
  tenant: TenantId,
  file: string,
  endpoint: BatchEndpoint,
): AsyncGenerator<BatchLine, void> {
  const { chunks } = await openFile(service, tenant, file);
  const seen = new Map<string, number>();
  for await (const item of decodeLines(chunks)) {
    if (item.kind !== "line") {
      // Checked when it was uploaded: the bytes under it have changed since.
      const { line, message } = item.issue;
      yield { line, customId: null, fault: { code: "invalid_file", message, line } };
      return;
    }
    if (item.text.trim() !== "") yield parseLine(item.text, item.line, endpoint, seen);
  }
}

function parseLine(
  text: string,
  line: number,
  endpoint: BatchEndpoint,
  seen: Map<string, number>,
): BatchLine {
  const request = parsedObject(text);
  if (request === undefined)
    return faulty(line, null, "invalid_json_line", "expected a JSON object, saw something else");
  const { custom_id: id, method, url, body } = request;
  if (typeof id !== "string" || id.length < 1 || id.length > MAX_ID_LENGTH)
    return faulty(
      line,
      null,
      "invalid_custom_id",
      `expected a custom_id of 1 to ${MAX_ID_LENGTH} characters`,
    );
  const first = seen.get(id);
  if (first !== undefined)
    return faulty(line, id, "duplicate_custom_id", `the custom_id is that of line ${first} as well`);
  seen.set(id, line);
  if (method !== "POST") return faulty(line, id, "invalid_method", 'expected the method "POST"');
  if (url !== endpoint) return faulty(line, id, "invalid_url", `expected the batch's own url, ${endpoint}`);
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return faulty(line, id, "invalid_body", "expected an object as body");
  return { line, customId: id, body };
}

function parsedObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function faulty(line: number, customId: string | null, code: string, what: string): BatchLine {
  return { line, customId, fault: { code, message: `Line ${line}: ${what}.`, line } };
}

/** OpenAI names none; an id is sent back, so it isn't a place to keep texts. */
const MAX_ID_LENGTH = 512;
