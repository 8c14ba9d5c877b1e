import { z } from "zod";
import { GivenId } from "./values.ts";

/** What every list takes. Unknown parameters are refused: a misspelt `limit` would silently be 20. */
export const PageQuery = z.strictObject({
  after: GivenId.optional().meta({ description: "The last id of the page before" }),
  limit: z.coerce.number().int().min(1).max(100).optional().meta({ description: "1 to 100; default 20" }),
});
export type PageQuery = z.infer<typeof PageQuery>;

export const OrderedPageQuery = PageQuery.extend({
  order: z.enum(["asc", "desc"]).optional().meta({ description: "By age; default newest first" }),
});
export type OrderedPageQuery = z.infer<typeof OrderedPageQuery>;

/** The SDKs ask for the next page while `has_more` is true, with the last item's id as `after`. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    object: z.literal("list"),
    data: z.array(item),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  });
}
