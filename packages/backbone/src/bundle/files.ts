/** The one file that all graphs of a bundle take their weights from. */
export const WEIGHTS_FILE = "weights.safetensors";

/** Of a graph that stays as it is. */
export const GRAPH_FILE = "graph.onnx";
