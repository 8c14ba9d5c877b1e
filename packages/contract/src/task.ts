/** What a tuned model does: as prompt files, jobs and the wire name it. */
export const TASKS = [
  "classification",
  "multi_label",
  "regression",
  "tagging",
  "retrieval",
  "segmentation",
  "detection",
] as const;

export type TaskName = (typeof TASKS)[number];
