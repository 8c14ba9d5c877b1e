import type { TuneReport } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { section } from "./section.ts";

/** The commands to try next, ready to paste. */
export function usage(report: TuneReport): Markup {
  const file = shellQuoted(report.prompt.path);
  return section(
    "usage",
    "Use it",
    ...answering(report, file),
    command("Measure it on other rows", `npx kilotune evaluate --prompt ${file} test.jsonl`),
    command("See what is in the file", `npx kilotune inspect ${file}`),
  );
}

function answering(report: TuneReport, file: string): Markup[] {
  const drawn = (task: "segment" | "detect") => [
    command(
      "Answer one image, and draw it",
      `npx kilotune ${task} --prompt ${file} image.png --render out.png`,
    ),
    command("Answer images, one JSON line each", `npx kilotune ${task} --json --prompt ${file} a.png b.png`),
  ];
  switch (report.task) {
    case "segmentation":
      return drawn("segment");
    case "detection":
      return drawn("detect");
    case undefined:
    case "classification":
      if (report.evaluation.screening !== undefined)
        return [command("Answer images", `npx kilotune classify --prompt ${file} a.png b.png`)];
      return [
        command("Answer one text", `npx kilotune classify --prompt ${file} "your text here"`),
        command(
          "Answer a file, one JSON line a text",
          `npx kilotune classify --json --prompt ${file} --file texts.jsonl`,
        ),
      ];
    default:
      return [];
  }
}

function command(purpose: string, line: string): Markup {
  return html`<p class="command"><span>${purpose}</span><code tabindex="0">${line}</code></p>`;
}

/** A path with blanks, quotes or $ in it must stay one word, and must not run. */
function shellQuoted(path: string): string {
  return /^[\w./@:+][\w./@:+-]*$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
