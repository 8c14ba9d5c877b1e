import type { Context } from "aws-lambda";
import { parseId, parseTenantId } from "@kilotune/contract";
import { deliverEvents, type Inference, runBatch, type Service, webhookSender } from "@kilotune/service";
import { logFault, logLine, observed } from "./observe.ts";

/**
 * A share of a batch: as many pieces as there is time for. `done: false`: there is more to do, by the next call. What is
 * answered is in the store after each piece, so that a call that dies loses one piece, which the next does again.
 */
export function batchHandler({
  service,
  inference,
}: {
  readonly service: Service;
  readonly inference: Inference;
}) {
  const send = webhookSender();
  return (
    input: unknown,
    context: Pick<Context, "getRemainingTimeInMillis">,
  ): Promise<{ readonly done: boolean }> =>
    observed("batch", async () => {
      const { tenant, batch } = executionOf(input);
      const left = () => context.getRemainingTimeInMillis();
      const timeUp = new AbortController();
      const timer = setTimeout(() => timeUp.abort(new Error("this call's time is up")), left() - LAST_MS);
      const steps = runBatch(service, tenant, batch, { inference, signal: timeUp.signal });
      let done = false;
      let pieces = 0;
      try {
        // One at least: a call that does nothing would be repeated for ever.
        do {
          done = (await steps.next()).done === true;
          pieces++;
        } while (!done && left() > PIECE_MS);
      } catch (error) {
        if (timeUp.signal.aborted) logLine("batch_cut_off", { tenant, batch, pieces });
        else {
          logFault(error);
          // Step Functions tries again, whatever it was; its history needs no words.
          throw Object.assign(new Error("the batch goes on later"), { name: "TryAgain" });
        }
      } finally {
        clearTimeout(timer);
        await steps.return();
      }
      if (done) await deliverEvents(service, send).catch(logFault);
      logLine("batch", { tenant, batch, pieces, done });
      return { done };
    });
}

function executionOf(input: unknown) {
  const given = (input ?? {}) as Record<string, unknown>;
  const tenant = parseTenantId(String(given.tenant));
  const batch = parseId("batch", String(given.batch));
  if (tenant !== undefined && batch !== undefined) return { tenant, batch };
  throw new Error("an execution begins with {tenant, batch}");
}

/** A piece that begins has so long. */
const PIECE_MS = 120_000;
/** For what must be put away before Lambda ends the process. */
const LAST_MS = 10_000;
