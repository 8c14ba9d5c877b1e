import { type BatchId, KilotuneError, type TenantId } from "@kilotune/contract";
import { createBatch } from "./create-batch.ts";
import { createFile } from "./create-file.ts";
import { getBatch } from "./batches.ts";
import type { Batch } from "./batch.ts";
import { openFile } from "./files.ts";
import type { Inference } from "./inference.ts";
import { runBatch } from "./run-batch.ts";
import { textOf } from "./service.fixtures.ts";
import type { TestService } from "./testing.ts";

/** Says of a text how long it is; of one that says so, what goes wrong. Three tokens a text. */
export const echo: Inference = {
  async classify({ inputs, promptId }) {
    const rows = inputs.map((input) => {
      const text = typeof input === "string" ? input : input.text + input.text_pair;
      const label = `${promptId.slice(0, 4)}:${text.length}`;
      return { label, score: 1, scores: [{ label, score: 1 }], truncated: false };
    });
    return { rows, tokens: 3 * rows.length };
  },
  estimate: () => Promise.reject(new Error("nobody asks for numbers")),
  tag: () => Promise.reject(new Error("nobody asks for spans")),
  async embed({ inputs, background }) {
    if (!background) throw new Error("a batch's rows are background");
    if (inputs.includes("damaged"))
      throw new KilotuneError("prompt_damaged", "/data/x", "", { kind: "machine" });
    if (inputs.includes("busy"))
      throw new KilotuneError("store_busy", "busy", "", { kind: "machine", retryable: true });
    const rows = inputs.map((text) => ({ vector: Float32Array.of(text.length), truncated: false }));
    return { rows, tokens: 3 * rows.length };
  },
};

export function embedLine(id: string, input: string | readonly string[], more: object = {}): string {
  const body = { model: "minilm-l6", input, ...more };
  return `${JSON.stringify({ custom_id: id, method: "POST", url: "/v1/embeddings", body })}\n`;
}

/** `count` good lines, `r0` and so on. */
export function manyLines(count: number): string {
  return Array.from({ length: count }, (_, at) => embedLine(`r${at}`, "x".repeat(1 + (at % 9)))).join("");
}

export async function newBatch(
  service: TestService,
  tenant: TenantId,
  text: string,
  endpoint: Batch["endpoint"] = "/v1/embeddings",
): Promise<Batch> {
  const bytes = (async function* () {
    yield new TextEncoder().encode(text);
  })();
  const file = await createFile(service, tenant, { filename: "in.jsonl", purpose: "batch" }, bytes);
  return createBatch(service, tenant, { inputFile: file.id, endpoint });
}

/** Piece by piece to its end; `between` is called after each. */
export async function run(
  service: TestService,
  tenant: TenantId,
  id: BatchId,
  {
    inference = echo,
    between = async () => {},
  }: { inference?: Inference; between?: () => Promise<void> } = {},
): Promise<Batch> {
  const { signal } = new AbortController();
  for await (const _ of runBatch(service, tenant, id, { inference, signal })) await between();
  return getBatch(service, tenant, id);
}

export interface Answered {
  readonly custom_id: string | null;
  readonly response: {
    readonly status_code: number;
    readonly body: { readonly model: string; readonly data: readonly object[]; readonly error?: object };
  } | null;
  readonly error: { readonly code: string; readonly line: number } | null;
}

/** Lines of one of its files. */
export async function linesOf(
  service: TestService,
  tenant: TenantId,
  file: string | null,
): Promise<Answered[]> {
  if (file === null) return [];
  const text = await textOf((await openFile(service, tenant, file)).chunks);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
