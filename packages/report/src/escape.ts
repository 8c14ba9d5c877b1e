import { dash } from "./format.ts";
import { visible } from "./visible-text.ts";

/** Text that is already HTML. Only `html` makes it, so nothing reaches the page without having been escaped. */
export class Markup {
  readonly #source: string;

  private constructor(source: string) {
    this.#source = source;
  }

  static fromTemplate(strings: readonly string[], values: readonly Content[]): Markup {
    return new Markup(strings.map((text, i) => (i === 0 ? text : fill(values[i - 1]) + text)).join(""));
  }

  toString(): string {
    return this.#source;
  }
}

/** What a template takes: text and numbers are escaped, markup stays, lists are joined, null is nothing. */
export type Content = string | number | Markup | null | undefined | readonly Content[];

/**
 * Tagged template for HTML and SVG. Attribute values must be written in double quotes around the hole. A number that
 * isn't finite becomes a dash: charts check their coordinates before they come here.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return Markup.fromTemplate(strings, values);
}

function fill(value: Content): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Markup) return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : dash;
  if (typeof value === "string") return visible(value).replace(/[&<>"']/g, (c) => entities[c] ?? c);
  return value.map(fill).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
