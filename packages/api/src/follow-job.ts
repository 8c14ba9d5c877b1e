import { badField } from "@kilotune/contract/wire";
import { setTimeout as sleep } from "node:timers/promises";
import { getJob, hasEnded, listJobEvents } from "@kilotune/service";
import type { Context } from "hono";
import { streamOf } from "./body/stream-of.ts";
import type { Env } from "./env.ts";
import { jobEventView } from "./views/job.ts";

/** By the query, or by what the client accepts where the query doesn't say. */
export function wantsStream(c: Context<Env>, stream: "true" | "false" | undefined): boolean {
  if (stream !== undefined) return stream === "true";
  return c.req.header("accept")?.toLowerCase().includes("text/event-stream") ?? false;
}

/**
 * A job's events as they come, as server-sent events: `data: {event}` each, `data: [DONE]` once the job has ended. A
 * client that lost the line goes on after the last id it has seen (`Last-Event-ID`, or `after`).
 *
 * @throws KilotuneError `not_found`, before the stream begins
 */
export async function followJob(c: Context<Env>, id: string, after: string | undefined): Promise<Response> {
  const seen = c.req.header("last-event-id") ?? after;
  if (seen !== undefined && !/^[!-~]{1,256}$/.test(seen)) {
    throw badField("Last-Event-ID", "expected the id of an event");
  }
  await getJob(c.var.service, c.var.tenant, id);
  return c.body(streamOf(lines(c, id, seen)), 200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // Proxies that gather answers would hold events back.
    "x-accel-buffering": "no",
  });
}

async function* lines(
  c: Context<Env>,
  id: string,
  seen: string | undefined,
): AsyncGenerator<Uint8Array, void> {
  const { service, tenant, deps } = c.var;
  const { signal } = c.req.raw;
  const utf8 = new TextEncoder();
  let quietMs = 0;
  let after = seen;
  // Flushes the head of the answer: a client knows that it is connected before anything happens.
  yield utf8.encode(": following\n\n");
  while (!signal.aborted) {
    // Looked at before the events: an end that comes after this look is seen at the next, with its events.
    const ended = await hasJobEnded(c, id);
    const query = { order: "asc" as const, limit: 100, ...(after === undefined ? {} : { after }) };
    const { data, hasMore } = await listJobEvents(service, tenant, id, query);
    for (const event of data) {
      yield utf8.encode(`id: ${event.id}\ndata: ${JSON.stringify(jobEventView(event))}\n\n`);
      after = event.id;
    }
    if (hasMore) continue;
    if (ended) {
      yield utf8.encode("data: [DONE]\n\n");
      return;
    }
    quietMs = data.length > 0 ? 0 : quietMs + deps.limits.followMs;
    if (quietMs >= KEEP_ALIVE_MS) {
      quietMs = 0;
      yield utf8.encode(": still there\n\n");
    }
    await sleep(deps.limits.followMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** A tenant may be erased while its job is followed: then there is nothing more to come. */
async function hasJobEnded(c: Context<Env>, id: string): Promise<boolean> {
  try {
    return hasEnded((await getJob(c.var.service, c.var.tenant, id)).status);
  } catch {
    return true;
  }
}

/** Proxies drop lines that are silent for a minute. */
const KEEP_ALIVE_MS = 15_000;
