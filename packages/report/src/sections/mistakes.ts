import type { ClassificationReport } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { count, counted, percent } from "../format.ts";
import { clip } from "../visible-text.ts";
import { labelName } from "./label-name.ts";
import { section } from "./section.ts";
import { stackedTable } from "./stacked-table.ts";

const mostMistakes = 40;
const mostCharacters = 280;

/** Wrong answers with their texts, the surest first: wrong labels in the data show up here. */
export function mistakes({ evaluation }: ClassificationReport): Markup {
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
    stackedTable(
      "mistakes",
      [
        { name: "Text", kind: "text" },
        { name: "True label", kind: "label" },
        { name: "was called", kind: "label" },
        { name: "sure", kind: "number" },
      ],
      mistakes.slice(0, mostMistakes).map(({ text, label, predicted, score }) => ({
        cells: [
          clip(text, mostCharacters),
          labelName(label),
          html`<span class="wrong">${labelName(predicted)}</span>`,
          percent(score, 0),
        ],
      })),
    ),
  );
}
