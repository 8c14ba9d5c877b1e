import type { TuneReport } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { section } from "./section.ts";

/** The commands to try next, ready to paste. */
export function usage({ prompt }: TuneReport): Markup {
  const file = shellQuoted(prompt.path);
  return section(
    "usage",
    "Use it",
    command("Answer one text", `npx kilotune classify --prompt ${file} "your text here"`),
    command(
      "Answer a file, one JSON line a text",
      `npx kilotune classify --json --prompt ${file} --file texts.jsonl`,
    ),
    command("Measure it on other rows", `npx kilotune evaluate --prompt ${file} test.jsonl`),
    command("See what is in the file", `npx kilotune inspect ${file}`),
  );
}

function command(purpose: string, line: string): Markup {
  return html`<p class="command"><span>${purpose}</span><code tabindex="0">${line}</code></p>`;
}

/** A path with blanks, quotes or $ in it must stay one word, and must not run. */
function shellQuoted(path: string): string {
  return /^[\w./@:+][\w./@:+-]*$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
