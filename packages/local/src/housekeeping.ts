import { deliverEvents, type Service, sweep } from "@kilotune/service";

/** What must be done from time to time, whether or not anybody calls. The returned function ends it, and waits. */
export function keepHouse(
  service: Service,
  fetch: typeof globalThis.fetch,
  log: (error: unknown) => void,
): () => Promise<void> {
  const chores = [
    every(DELIVER_MS, () => deliverEvents(service, fetch), log),
    every(SWEEP_MS, () => sweep(service), log),
  ];
  return async () => {
    await Promise.all(chores.map((end) => end()));
  };
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
