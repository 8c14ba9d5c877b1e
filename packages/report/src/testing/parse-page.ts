/** One element of a page, in document order. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Names of the elements around it, the outermost first. */
  readonly path: readonly string[];
}

export interface Page {
  readonly elements: readonly Element[];
  /** All text outside the style sheet, entities still encoded. */
  readonly text: string;
}

/**
 * A far stricter reader than any browser: every element closed in order, every attribute in double quotes and only once,
 * no raw `<`, `>` or `&` in text or attributes, no comments, style the only raw text. Throws at the first fault.
 */
export function parsePage(source: string): Page {
  const doctype = "<!doctype html>";
  if (!source.startsWith(doctype)) throw new Error("expected the doctype first");
  const elements: Element[] = [];
  const open: string[] = [];
  const texts: string[] = [];
  let at = doctype.length;
  while (at < source.length) {
    const [, text] = matchAt(/([^<>]*)/y, source, at)!;
    checkEntities(text!);
    texts.push(text!);
    at += text!.length;
    if (at === source.length) break;
    const tag = matchAt(/<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?: [a-zA-Z0-9:-]+="[^"<>]*")*)(\/?)>/y, source, at);
    if (tag === null) throw new Error(`not a tag: ${JSON.stringify(source.slice(at, at + 80))}`);
    const [whole, closing, name, attributes, selfClosing] = tag as unknown as [
      string,
      string,
      string,
      string,
      string,
    ];
    at += whole.length;
    if (closing) {
      const expected = open.pop();
      if (expected !== name) throw new Error(`</${name}> closes <${expected}>`);
      continue;
    }
    elements.push({ name, attributes: readAttributes(attributes), path: [...open] });
    if (voidElements.has(name) || selfClosing) continue;
    open.push(name);
    if (name === "style") at = source.indexOf("</style>", at);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(" > ")}`);
  return { elements, text: texts.join("") };
}

function readAttributes(source: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, value] of source.matchAll(/ ([a-zA-Z0-9:-]+)="([^"]*)"/g)) {
    if (found.has(name!)) throw new Error(`attribute ${name} twice`);
    checkEntities(value!);
    found.set(name!, value!);
  }
  return found;
}

function checkEntities(text: string): void {
  if (/&(?!(amp|lt|gt|quot|#39);)/.test(text))
    throw new Error(`raw & in ${JSON.stringify(text.slice(0, 80))}`);
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

const voidElements = new Set(["meta", "link", "wbr", "img"]);
