/** How a run goes, whatever it learns. */
export interface LoopSettings {
  readonly epochs: number;
  readonly batchSize: number;
  /** Peak learning rate of the prompt. */
  readonly promptLearningRate: number;
  /** Peak learning rate of the head. */
  readonly headLearningRate: number;
  /** Dropout on the prompt, and in texts on the attention and the outputs of both sublayers, 0..1. */
  readonly dropout: number;
  /** Share of the steps in which the learning rate rises. */
  readonly warmup: number;
  /** Largest norm of all gradients together. */
  readonly clipNorm: number;
  readonly seed: number;
}

/** Every knob of a run on texts. `chooseSettings` fills them from the data; a user seldom sets more than `tokens`. */
export interface TuneSettings extends LoopSettings {
  readonly method: TunedMethod;
  /** Virtual tokens of the prompt; of lora its rank; 0 of bias. */
  readonly tokens: number;
  /** First layer with a prefix, deep tokens, low-rank products or biases; 0 for all, and always 0 for soft prompts. */
  readonly firstLayer: number;
  /** Logits are cosines divided by this. */
  readonly temperature: number;
  /** Deviation of the prompt's random start. */
  readonly initScale: number;
  /** For people: what the prompt starts as, where not at random, such as "labels". */
  readonly init?: string;
  /** For people: what the prompt was learnt through, such as "mlp:128". */
  readonly reparam?: string;
}

export type TunedMethod = "kv" | "soft" | "deep" | "lora" | "bias";
