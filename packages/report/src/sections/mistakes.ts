import type { ClassificationReport, Picture } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { count, counted, percent } from "../format.ts";
import { shownPictures } from "../picture.ts";
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
  const pictures = new Map(
    shownPictures(mistakes.slice(0, mostMistakes).map((mistake, at) => ({ ...mistake, at }))).map(
      ({ at, picture }) => [at, picture],
    ),
  );
  const howMany =
    mistakes.length > mostMistakes
      ? html`${mostMistakes} of ${counted(mistakes.length, "mistake")}`
      : counted(mistakes.length, "mistake");
  return section(
    "mistakes",
    title,
    html`<p>${howMany} in ${count(evaluation.rows)} rows. A sure mistake is often ${pictures.size > 0 ? "an image" : "a text"} that two labels fit, or a wrong label in the data.</p>`,
    stackedTable(
      "mistakes",
      [
        ...(pictures.size > 0 ? [{ name: "Image", kind: "text" } as const] : []),
        { name: pictures.size > 0 ? "Name" : "Text", kind: "text" },
        { name: "True label", kind: "label" },
        { name: "was called", kind: "label" },
        { name: "sure", kind: "number" },
      ],
      mistakes.slice(0, mostMistakes).map(({ text, label, predicted, score }, at) => ({
        cells: [
          ...(pictures.size > 0 ? [image(pictures.get(at), text)] : []),
          clip(text, mostCharacters),
          labelName(label),
          html`<span class="wrong">${labelName(predicted)}</span>`,
          percent(score, 0),
        ],
      })),
    ),
  );
}

function image(picture: Picture | undefined, name: string): Markup | null {
  if (picture === undefined) return null;
  const { width, height, source } = picture;
  return html`<img class="small-picture" src="${source}" width="${width}" height="${height}" alt="${clip(name, 100)}">`;
}
