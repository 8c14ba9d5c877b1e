import type { Page } from "@kilotune/service";

/** A page as OpenAI's clients walk it: the next one is `after` the last id. */
export function pageView<Noun, View extends { readonly id: string }>(
  { data, hasMore }: Page<Noun>,
  view: (noun: Noun) => View,
) {
  const views = data.map(view);
  return {
    object: "list" as const,
    data: views,
    has_more: hasMore,
    first_id: views[0]?.id ?? null,
    last_id: views.at(-1)?.id ?? null,
  };
}

/** What a list is asked for, without the fields that weren't given. */
export function pageQuery(query: {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
  readonly order?: "asc" | "desc" | undefined;
}) {
  const { after, limit, order } = query;
  return {
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
    ...(order === undefined ? {} : { order }),
  };
}
