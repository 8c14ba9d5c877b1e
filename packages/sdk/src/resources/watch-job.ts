import type { JobEventObject } from "@kilotune/contract/wire";
import { ConnectionError } from "../errors.ts";
import { pauseMs } from "../http/pause.ts";
import { serverEvents } from "../http/server-events.ts";
import { sleep } from "../http/sleep.ts";
import type { Transport } from "../http/transport.ts";

export interface WatchOptions {
  /** Only events after this one. */
  readonly after?: string;
  readonly signal?: AbortSignal;
  /** Tries to get the line back before it is given up, from the last event on; default 10, about a minute. */
  readonly maxRetries?: number;
  /** Of silence, after which a line counts as dead; default 45 s, three times the server's sign of life. */
  readonly timeoutMs?: number;
}

/** Events of a job until `[DONE]`, over as many lines as it takes. */
export async function* watchJob(
  api: Transport,
  path: string,
  { after, signal, maxRetries = 10, timeoutMs = 45_000 }: WatchOptions,
): AsyncGenerator<JobEventObject, void> {
  // The server goes on after the last one; what it repeats all the same is dropped here.
  const seen = new Set<string>();
  const options = { maxRetries: 0, timeoutMs, ...(signal && { signal }) };
  const headers = { accept: "text/event-stream" };
  let last = after;
  for (let failures = 0; ; failures++) {
    let signsOfLife = 0;
    try {
      const query = { stream: "true", after: last };
      const { body } = await api.stream({ method: "GET", path, query, headers }, options);
      for await (const data of body === null ? [] : serverEvents(body)) {
        if (data === "[DONE]") return;
        // The first one greets. A line that lived on was no failure: proxies cut quiet ones after a minute.
        if (data === "" && ++signsOfLife > 1) failures = 0;
        if (data === "") continue;
        const event = parseEvent(data);
        last = event.id;
        failures = 0;
        if (!seen.has(last)) yield event;
        seen.add(last);
      }
      throw new ConnectionError("The server ended the events before the job has ended.");
    } catch (error) {
      const wait = failures < maxRetries ? pauseMs(error, failures, true) : undefined;
      if (wait === undefined) throw error;
      await sleep(wait, signal);
    }
  }
}

function parseEvent(data: string): JobEventObject {
  try {
    const event: unknown = JSON.parse(data);
    if (typeof event === "object" && event !== null && "id" in event && typeof event.id === "string")
      return event as JobEventObject;
  } catch {}
  throw new ConnectionError("Expected an event of a job, saw something else.", {
    code: "unexpected_answer",
    retryable: false,
  });
}
