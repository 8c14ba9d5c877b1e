import fc from "fast-check";
import { expect, it } from "vitest";
import { idRange } from "./id-range.ts";

const id = fc.string({ unit: fc.constantFrom("!", "#", "a", "b", "}", "~"), minLength: 1, maxLength: 4 });
const prefix = fc.string({ unit: fc.constantFrom("!", "a", "~"), maxLength: 2 });

it("holds an id exactly where it begins with the prefix and comes after `after`", () => {
  fc.assert(
    fc.property(
      id,
      prefix,
      fc.option(id, { nil: undefined }),
      fc.boolean(),
      (seen, begin, after, ascending) => {
        const order = ascending ? "asc" : "desc";
        const { from, to } = idRange({ prefix: begin, order, ...(after !== undefined && { after }) });
        const comesAfter = after === undefined || (ascending ? seen > after : seen < after);
        expect(seen >= from && seen <= to).toBe(seen.startsWith(begin) && comesAfter);
      },
    ),
    { numRuns: 2_000 },
  );
});
