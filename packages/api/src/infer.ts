import { KilotuneError } from "@kilotune/contract";
import { meter, type Resolved, resolveModel } from "@kilotune/service";
import type { Context } from "hono";
import type { Env } from "./env.ts";
import type { InferenceCall } from "./inference.ts";

/**
 * What all calls of a model share: the name is resolved, the model is asked with a deadline and while the client
 * listens, the work done is metered. The caller is metered before it is answered: an answer that isn't counted would be
 * free for whoever hangs up in time.
 *
 * @throws KilotuneError `model_not_found`, `deadline_exceeded`, `client_closed`; what `ask` throws
 */
export async function infer<Answer extends { readonly rows: readonly unknown[]; readonly tokens: number }>(
  c: Context<Env>,
  task: "classify" | "embed",
  request: {
    readonly model: string;
    readonly input: string | readonly string[];
    readonly user?: string | undefined;
  },
  ask: (call: InferenceCall, resolved: Resolved) => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly model: string }> {
  const { service, tenant, deps, requestId } = c.var;
  const resolved = await resolveModel(service, tenant, request.model, request.user ?? requestId);
  const inputs = typeof request.input === "string" ? [request.input] : request.input;
  const startedMs = performance.now();
  const answer = await heard(c.req.raw.signal, deps.limits.inferenceMs, (signal) =>
    ask({ tenant, backbone: resolved.backbone, inputs, signal }, resolved),
  );
  const { tokens, rows } = answer;
  await meter(service, tenant, resolved.model, { requests: 1, tokens });
  deps.metrics.inferred({ task, rows: rows.length, tokens, seconds: (performance.now() - startedMs) / 1000 });
  c.set("tokens", tokens);
  return { answer, model: resolved.model };
}

/** Ends with the client's line or the deadline, whichever is first, and says which it was. */
async function heard<Answer>(
  line: AbortSignal,
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const signal = AbortSignal.any([line, deadline]);
  try {
    return await work(signal);
  } catch (error) {
    if (line.aborted) throw new KilotuneError("client_closed", "The client has hung up.", "");
    if (!deadline.aborted) throw error;
    throw new KilotuneError(
      "deadline_exceeded",
      `The model didn't answer within ${deadlineMs / 1000} s.`,
      "Send fewer texts in one call, or try again when it is quieter.",
      { kind: "machine", retryable: true },
    );
  }
}
