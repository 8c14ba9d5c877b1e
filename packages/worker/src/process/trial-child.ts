import { openBundle } from "@kilotune/backbone";
import { fileSource } from "../file-source.ts";
import type { DataSource, TextJob } from "../job.ts";
import { type Trials, trialsHere } from "../trials.ts";
import type { DataFile } from "./tasks.ts";
import { told } from "./told-error.ts";
import type { FromTrialChild, Question, ToTrialChild, TrialJob } from "./trial-messages.ts";

/** Entry of a process that tries candidates of a sweep, one after the other, until it is told that there are no more. */

const stop = new AbortController();
let trials: Promise<Trials> | undefined;

process.on("message", (message: ToTrialChild) => {
  switch (message.kind) {
    case "job":
      trials = open(message);
      // Told to whoever asks first.
      trials.catch(() => {});
      break;
    case "stop":
      stop.abort();
      break;
    case "end":
      process.disconnect();
      break;
    default:
      void answer(message);
  }
});
// Told to end, or the sweep is gone: what was under way goes on from its checkpoint.
process.on("disconnect", () => process.exit(0));
// They reach the whole group: the sweep decides, and this process ends with it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});

async function open({ job, bundle, threads }: ToTrialChild & { readonly kind: "job" }): Promise<Trials> {
  const backbone = await openBundle(bundle, { threads });
  if (backbone === undefined) throw new Error(`there is no bundle of this version in ${bundle}`);
  return trialsHere(jobOf(job, backbone), {
    onEvent: (event) => say({ kind: "event", event }),
    signal: stop.signal,
  });
}

async function answer(question: Question): Promise<void> {
  try {
    const opened = await (trials as Promise<Trials>);
    const answer =
      question.kind === "facts"
        ? await opened.facts(question.candidate)
        : await opened.measure(question.candidate, question.rung, question.index);
    say({ kind: "answer", answer, peakBytes: process.resourceUsage().maxRSS * 1024 });
  } catch (error) {
    say({ kind: "failed", error: told(error) });
  }
}

function jobOf({ train, validation, test, ...job }: TrialJob, backbone: TextJob["backbone"]): TextJob {
  return {
    ...job,
    backbone,
    train: sourceOf(train),
    ...(validation === undefined ? {} : { validation: sourceOf(validation) }),
    // Nothing is chosen by it, but a fault in it ends the sweep at once instead of at its end.
    ...(test === undefined ? {} : { test: sourceOf(test) }),
  };
}

function sourceOf({ path, name, format }: DataFile): DataSource {
  return { ...fileSource(path), name, format };
}

function say(message: FromTrialChild): void {
  if (process.connected) process.send?.(message);
}
