import { KilotuneError } from "@kilotune/contract";
import { inSpan } from "@kilotune/contract/spans";
import {
  type Inference,
  type InferRequest,
  imagesAsked,
  meter,
  openImages,
  type Question,
  type Reply,
  resolveModel,
} from "@kilotune/service";
import type { Context } from "hono";
import type { Env } from "./env.ts";
import type { InferTask } from "./operations/metrics.ts";

/**
 * What all calls of a model share: the name is resolved, the model is asked with a deadline and while the client
 * listens, the work done is metered. The caller is metered before it is answered: an answer that isn't counted would be
 * free for whoever hangs up in time.
 *
 * @throws KilotuneError `model_not_found`, those of `openImages`, `deadline_exceeded`, `client_closed`; what `ask` throws
 */
export async function infer<Request extends InferRequest, Body>(
  c: Context<Env>,
  task: InferTask,
  request: Request,
  ask: (inference: Inference, question: Question<Request>) => Promise<Reply<Body>>,
): Promise<Body> {
  const { service, tenant, deps, requestId } = c.var;
  const resolved = await inSpan("resolve model", {}, async (span) => {
    const found = await resolveModel(service, tenant, request.model, request.user ?? requestId);
    span.set({ "kilotune.backbone": found.backbone });
    return found;
  });
  const images = await openImages(service, tenant, imagesAsked(request));
  const startedMs = performance.now();
  const reply = await heard(c.req.raw.signal, deps.limits.inferenceMs, (signal) =>
    ask(deps.inference, { tenant, request, resolved, images, signal }),
  );
  const { body, rows, tokens } = reply;
  const counts = { "kilotune.rows": rows, "kilotune.tokens": tokens };
  await inSpan("meter", { attributes: counts }, () =>
    meter(service, tenant, resolved.model, { requests: 1, tokens, images: reply.images }),
  );
  deps.metrics.inferred({ task, rows, tokens, seconds: (performance.now() - startedMs) / 1000 });
  c.set("tokens", tokens);
  return body;
}

/**
 * Ends with the client's line or the deadline, and says which it was. A race, so that a model that doesn't look at its
 * signal holds up nobody but itself.
 */
async function heard<Answer>(
  line: AbortSignal,
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const controller = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (error: KilotuneError) => {
    reject(error);
    controller.abort(error);
  };
  const hangUp = () => end(new KilotuneError("client_closed", "The client has hung up.", ""));
  // Not AbortSignal.timeout: it would keep every call of the last half minute in memory.
  const timer = setTimeout(() => end(tooLate(deadlineMs)), deadlineMs);
  line.addEventListener("abort", hangUp, { once: true });
  if (line.aborted) hangUp();
  try {
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    line.removeEventListener("abort", hangUp);
  }
}

function tooLate(deadlineMs: number): KilotuneError {
  return new KilotuneError(
    "deadline_exceeded",
    `The model didn't answer within ${deadlineMs / 1000} s.`,
    "Send less in one call, or try again when it is quieter.",
    { kind: "machine", retryable: true },
  );
}
