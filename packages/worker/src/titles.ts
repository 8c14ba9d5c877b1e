import type { Candidate } from "@kilotune/contract";

/** What candidates are called, wherever people read them. */
export const TITLES: Readonly<Record<Candidate["name"], string>> = {
  majority: "majority class",
  classMean: "nearest class mean",
  knn: "nearest neighbours",
  linearProbe: "linear probe",
  kv: "key/value prefixes",
  soft: "soft tokens",
  head: "linear head",
};

/** In the order in which they are shown. */
export const BASELINES = ["majority", "classMean", "knn", "linearProbe"] as const;
