import { KilotuneError } from "@kilotune/contract";
import { deliverEvents, type SendWebhook, type Service, sweep } from "@kilotune/service";

/** What must be done from time to time, whether or not anybody calls. The returned function ends it, and waits. */
export function keepHouse(
  service: Service,
  send: SendWebhook,
  log: (error: unknown) => void,
): () => Promise<void> {
  const chores = [
    every(DELIVER_MS, () => deliver(service, send, log), log),
    every(SWEEP_MS, () => sweep(service), log),
  ];
  return async () => {
    await Promise.all(chores.map((end) => end()));
  };
}

async function deliver(service: Service, send: SendWebhook, log: (error: unknown) => void): Promise<void> {
  const { refused } = await deliverEvents(service, send);
  if (refused > 0) log(notReached(refused));
}

function notReached(webhooks: number): KilotuneError {
  return new KilotuneError(
    "webhook_refused",
    `${webhooks} webhooks lead to private addresses, and weren't sent.`,
    "Where tenants' webhooks may reach this network, start the server with --webhooks-to-private-network.",
  );
}

/** At once, then again that long after the last time ended. */
function every(pauseMs: number, work: () => Promise<unknown>, log: (error: unknown) => void) {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const once = async () => {
    await work().catch(log);
    if (!isOver) timer = setTimeout(begin, pauseMs).unref();
  };
  let running: Promise<void>;
  const begin = () => {
    running = once();
  };
  begin();
  return async () => {
    isOver = true;
    clearTimeout(timer);
    await running;
  };
}

const DELIVER_MS = 5_000;
const SWEEP_MS = 3_600_000;
