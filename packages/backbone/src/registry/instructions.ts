import type { Instructions } from "../text/sentence.ts";

/**
 * The E5 models' (Wang et al., arXiv:2402.05672). Their card wants "query: " in front of all but passages that are searched,
 * for classification, too.
 */
export const E5_INSTRUCTIONS: Instructions = {
  texts: { passage: "passage: ", query: "query: " },
  default: "query",
};
