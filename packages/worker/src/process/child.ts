import { KilotuneError } from "@kilotune/contract";
import { openBundle, openVisionBundle } from "@kilotune/backbone";
import { chooseDevice } from "@kilotune/engine/node";
import type { JobEvent } from "../job.ts";
import type { FromChild, ToChild } from "./messages.ts";
import { runTask } from "./run-task.ts";
import { told } from "./told-error.ts";

/** Entry of the process that does one task and ends. It knows files and a backbone: no store, no tenant, no key. */

const stop = new AbortController();
let isDone = false;

process.on("message", (message: ToChild) => {
  if (message.kind === "stop") stop.abort();
  else void work(message);
});
// The server is gone, and its successor starts anew from the checkpoint: two of us would do the same work.
process.on("disconnect", () => process.exit(isDone ? 0 : 1));
// They reach the whole group: the server decides, and this process ends with it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});

async function work({ task, bundle, threads, device }: ToChild & { readonly kind: "start" }): Promise<void> {
  try {
    const onEvent = throttled((event) => say({ kind: "event", event }));
    const chosen = device && (await chooseDevice(device));
    if (chosen) onEvent({ kind: "device", ...chosen });
    const open = task.input === "image" ? openVisionBundle : openBundle;
    const backbone = await open(bundle, { threads, device: chosen?.device ?? "cpu" });
    if (backbone === undefined) throw replaced();
    const result = await runTask(task, backbone, {
      onEvent,
      onCheckpoint: (checkpoint) => say({ kind: "checkpoint", checkpoint }),
      signal: stop.signal,
      ...(chosen && { device: chosen.device }),
    });
    await say({ kind: "done", result });
  } catch (error) {
    await say({ kind: "failed", error: told(error) });
  }
  isDone = true;
  process.disconnect();
}

/** The server opened it when it started: since then it has been built anew by another version, or is gone. */
function replaced(): KilotuneError {
  return new KilotuneError(
    "backbone_replaced",
    "The backbone's files on the server are of another version than the server that runs.",
    "Whoever runs the server must start it again; then make the job again, with the same files.",
    { kind: "machine" },
  );
}

/** Steps come by the hundred a second on a small backbone: a few are enough for who watches. */
function throttled(emit: (event: JobEvent) => void): (event: JobEvent) => void {
  let last = 0;
  return (event) => {
    const frequent = event.kind === "training" || event.kind === "progress";
    if (frequent && performance.now() - last < 100) return;
    if (frequent) last = performance.now();
    emit(event);
  };
}

function say(message: FromChild): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}
