import { z } from "zod";
import { quote } from "../quote.ts";

/** Row c of the head is labels[c]. Any strings, each once; the order is data. */
export const labels = z
  .array(z.string().min(1))
  .min(1)
  .readonly()
  .superRefine((list, context) => {
    const firstIndex = new Map<string, number>();
    for (const [index, label] of list.entries()) {
      const first = firstIndex.get(label);
      if (first !== undefined) {
        context.addIssue(`${quote(label)} is there twice, at ${first} and ${index}`);
        return;
      }
      firstIndex.set(label, index);
    }
  });

/** Of a map whose pixels are bytes, 255 standing for "not known". */
export const mapLabels = labels.refine((list) => list.length <= 255, "expected at most 255 classes of a map");

/** "O", and for each kind of span "B-kind", where there is more than one word "I-kind". */
export const tagLabels = labels.superRefine((list, context) => {
  const all = new Set(list);
  if (!all.has("O")) context.addIssue(`expected the tag "O"`);
  for (const [index, tag] of list.entries()) {
    if (tag === "O") continue;
    const begins = tag.startsWith("B-");
    if (tag.length < 3 || (!begins && !tag.startsWith("I-")))
      context.addIssue(`expected "O", "B-kind" or "I-kind", received ${quote(tag)} at ${index}`);
    else if (!begins && !all.has(`B-${tag.slice(2)}`))
      context.addIssue(`expected ${quote(`B-${tag.slice(2)}`)} beside ${quote(tag)}`);
    else continue;
    return;
  }
});
