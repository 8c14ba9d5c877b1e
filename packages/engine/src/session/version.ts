import { env } from "onnxruntime-node";

/** Name and version of what runs the graphs: another version's kernels may add in another order. */
export const runtimeVersion = (): string => `onnxruntime-node ${env.versions.node ?? env.versions.common}`;
