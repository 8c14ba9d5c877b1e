import type { JobEventObject, JobObject, Kilotune } from "@kilotune/sdk";
import type { ExitCode } from "../exit.ts";
import { bar } from "../terminal/bar.ts";
import { oneLine } from "../terminal/printable.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { percent } from "../terminal/units.ts";
import { jobWords } from "./job-words.ts";

export const WATCH = { kind: "switch", about: "Follow the job to its end, with a bar" } as const;

/**
 * Shows a job's events as they come, and at its end the job. Ctrl-C ends the watching alone.
 *
 * @returns 0 where it succeeded, else 1
 */
export async function watch(service: Kilotune, id: string, terminal: Terminal): Promise<ExitCode> {
  const signal = terminal.io.takeInterrupt();
  const told = () => terminal.say(`The job goes on; to see it: kilotune jobs get ${oneLine(id, 80)} --watch`);
  signal.addEventListener("abort", told, { once: true });
  const show = eventLine(terminal);
  for await (const event of service.jobs.watch(id, { signal })) {
    if (terminal.json) terminal.result(event, () => "");
    show(event);
  }
  signal.removeEventListener("abort", told);
  const job = await service.jobs.get(id, { signal });
  return jobResult(job, terminal);
}

/** A job as a result, failed ones too: they are what was asked for. */
export function jobResult(job: JobObject, terminal: Terminal): ExitCode {
  terminal.result(job, () => jobWords(job));
  return job.status === "failed" || job.status === "cancelled" ? 1 : 0;
}

/** News are lines that stay; how far a stage has come is the line that is drawn again. */
function eventLine(terminal: Terminal): (event: JobEventObject) => void {
  let last = "";
  let epoch = 0;
  return (event) => {
    const words = oneLine(event.message, 200);
    const share = shareOf(event);
    if (share !== undefined) {
      const isMilestone = event.data.epoch !== epoch;
      epoch = event.data.epoch ?? epoch;
      terminal.progress(`${bar(share, 24)}  ${percent(share)}  ${words}`, isMilestone);
    } else if (words !== last) {
      const style = STYLES[event.level];
      terminal.say(style === undefined ? words : terminal.paint("stderr", style, words));
    }
    last = words;
  };
}

const STYLES = { info: undefined, warn: "yellow", error: "red" } as const;

/** Of a stage: by its steps, else by the percentage in its words. */
function shareOf({ message, data }: JobEventObject): number | undefined {
  const { step, total_steps: steps } = data;
  if (step !== undefined && steps !== undefined && steps > 0) return Math.min(1, step / steps);
  const told = /: (\d{1,3}) %$/.exec(message)?.[1];
  return told === undefined ? undefined : Number(told) / 100;
}
