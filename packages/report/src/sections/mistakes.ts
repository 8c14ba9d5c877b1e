import type { TuneReport } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { count, counted, percent } from "../format.ts";
import { clip } from "../visible-text.ts";
import { scrollBox, section } from "./section.ts";

const mostMistakes = 40;
const mostCharacters = 280;

/** Wrong answers with their texts, the surest first: wrong labels in the data show up here. */
export function mistakes({ evaluation }: TuneReport): Markup {
  const { mistakes } = evaluation;
  const title = "Mistakes, the surest first";
  if (mistakes.length === 0)
    return section(
      "mistakes",
      title,
      html`<p>${evaluation.rows === 0 ? "No rows were evaluated." : "None: every evaluated row was answered right."}</p>`,
    );
  const howMany =
    mistakes.length > mostMistakes
      ? html`${mostMistakes} of ${counted(mistakes.length, "mistake")}`
      : counted(mistakes.length, "mistake");
  return section(
    "mistakes",
    title,
    html`<p>${howMany} in ${count(evaluation.rows)} rows. A sure mistake is often a text that two labels fit, or a wrong label in the data.</p>`,
    scrollBox(
      "Mistakes",
      html`<table class="mistakes"><thead><tr><th scope="col">Text</th><th scope="col">True label</th><th scope="col">was called</th><th scope="col" class="number">sure</th></tr></thead>
<tbody>${mistakes
        .slice(0, mostMistakes)
        .map(
          ({ text, label, predicted, score }) =>
            html`<tr><td class="text" dir="auto">${clip(text, mostCharacters)}</td><td class="label"><bdi>${clip(label, 60)}</bdi></td><td class="label wrong"><bdi>${clip(predicted, 60)}</bdi></td><td class="number">${percent(score, 0)}</td></tr>`,
        )}</tbody></table>`,
    ),
  );
}
