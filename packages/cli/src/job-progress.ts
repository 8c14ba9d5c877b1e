import type { JobEvent } from "@kilotune/worker";
import { lintWords } from "./lint-words.ts";
import { bar } from "./terminal/bar.ts";
import { printable } from "./terminal/printable.ts";
import type { Style, Terminal } from "./terminal/terminal.ts";
import { duration, percent } from "./terminal/units.ts";

/** Shows what a job tells on its way, on stderr: words for stages and findings, the live line for the rest. */
export function jobProgress(terminal: Terminal): (event: JobEvent) => void {
  let stage = "Answering the rows";
  const paint = (style: Style, text: string) => terminal.paint("stderr", style, text);
  return (event) => {
    switch (event.kind) {
      case "stage":
        stage = capitalised(event.words);
        terminal.endProgress();
        terminal.progress(stage);
        break;
      case "progress":
        terminal.progress(`${stage}  ${bar(event.share, 24)}  ${percent(event.share)}`);
        break;
      case "training":
        terminal.progress(trainingLine(event), event.share * event.epochs >= event.epoch - 1e-6);
        break;
      case "lint":
        if (event.report.errors.length + event.report.warnings.length > 0)
          terminal.say(lintWords(event.file, event.report, paint));
        break;
      case "note":
        terminal.say(`Note: ${printable(event.words, 1000)}`);
        break;
      case "device":
        terminal.say(`Running on ${event.device === "cuda" ? "an NVIDIA card (CUDA)" : "the CPU"}.`);
        break;
    }
  };
}

function trainingLine(event: Extract<JobEvent, { kind: "training" }>): string {
  const { run, epoch, epochs, share, loss, validationAccuracy, secondsLeft } = event;
  const doing = run === "selection" ? "Tuning, measured on held-out rows" : "Tuning on all rows";
  const validation = validationAccuracy === null ? "" : `, validation ${percent(validationAccuracy)}`;
  const left = `${duration(secondsLeft)} left`;
  return `${doing}  ${bar(share, 16)}  epoch ${epoch} of ${epochs}, loss ${loss.toFixed(3)}${validation}, ${left}`;
}

function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
