import { describe } from "vitest";
import { describeAdding } from "./records-adding.ts";
import { describeListing } from "./records-listing.ts";
import { describeModel } from "./records-model.ts";
import { describeRefusals } from "./records-refusals.ts";
import { describeWriting } from "./records-writing.ts";
import type { OpenStore } from "./store-under-test.ts";

/**
 * What every adapter of `Records` must do.
 *
 * @param options.runs random histories that are compared with the model
 */
export function describeRecords(adapter: string, open: OpenStore, options: { readonly runs: number }): void {
  describe(`${adapter}: records`, () => {
    describeWriting(open);
    describeAdding(open);
    describeListing(open);
    describeRefusals(open);
    describeModel(open, options.runs);
  });
}
