import type { AttentionMaps, TuneReport } from "@kilotune/contract";
import { attentionMap } from "../charts/attention-map.ts";
import { type Content, html, type Markup } from "../escape.ts";
import { counted, percent } from "../format.ts";
import { shownPictures } from "../picture.ts";
import { clip } from "../visible-text.ts";
import { scrollBox, section } from "./section.ts";

/** Where a prompt's tokens are looked at, or where the class token looks, over a few images. */
export function attention({ attention: maps }: Pick<TuneReport, "attention">): Markup | null {
  if (maps === undefined) return null;
  const shown = shownPictures(maps.images);
  if (shown.length === 0) return null;
  const isPrompt = maps.of === "prompt";
  return section(
    "attention",
    isPrompt ? "Where the prompt's tokens are looked at" : "Where the class token looks",
    isPrompt ? aboutPrompt(maps) : aboutClass(maps),
    html`<div class="pictures attention-maps">${shown.map(({ name, picture, frame, maps: own }) =>
      own.map(({ token, values }) => {
        const words = wordsOf(maps, token);
        return html`<figure>${attentionMap(picture, values, { grid: maps.grid, frame }, `${name}, ${words}`)}<figcaption><bdi>${clip(name, 60)}</bdi><small>${words}: ${rangeOf(values)}</small></figcaption></figure>`;
      }),
    )}</div>`,
  );
}

function aboutPrompt({ layers, tokens }: AttentionMaps): Markup {
  return html`<p>Each patch of an image shares out its attention over all patches and the prompt's ${counted(tokens, "token")}. Drawn is how much of it the tokens get, the mean over heads and over the prompted layers: of all tokens together, then of those that get most. A colour reaches from the least value of its picture to the most. A token that every patch looks at alike shifts what the layer says of all of them; one that few look at speaks of those.</p>${scrollBox(
    "Attention to the prompt by layer",
    html`<table class="bins"><thead><tr><th scope="col">Layer</th><th scope="col" class="number">Of a patch's attention, the prompt gets</th></tr></thead>
<tbody>${layers.map(({ layer, share }) => html`<tr><th scope="row">${layer + 1}</th><td class="number">${percent(share ?? Number.NaN)}</td></tr>`)}</tbody></table>`,
  )}`;
}

function aboutClass({ layers }: AttentionMaps): Markup {
  return html`<p>The prompt has no tokens that could be looked at. Its head reads the class token, and that one looks at patches of the image: the mean over the heads of layer ${layers.map(({ layer }) => String(layer + 1)).join(", ")}, from the least of each picture to the most.</p>`;
}

function wordsOf({ of, tokens }: AttentionMaps, token: number | null): string {
  if (of === "class") return "class token";
  return token === null ? (tokens === 1 ? "the token" : "all tokens") : `token ${token + 1}`;
}

function rangeOf(values: readonly number[]): Content {
  return html`${percent(Math.min(...values))} to ${percent(Math.max(...values))}`;
}
