/** Every knob of a tuning run. `chooseSettings` fills them from the data; a user seldom sets more than `tokens`. */
export interface TuneSettings {
  readonly method: TunedMethod;
  /** Virtual tokens of the prompt. */
  readonly tokens: number;
  /** First layer with a prefix; 0 for all, and always 0 for soft prompts. */
  readonly firstLayer: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Peak learning rate of the prompt. */
  readonly promptLearningRate: number;
  /** Peak learning rate of the prototypes. */
  readonly headLearningRate: number;
  /** Logits are cosines divided by this. */
  readonly temperature: number;
  /** Dropout on the prompt, the attention and the outputs of both sublayers, 0..1. */
  readonly dropout: number;
  /** Share of the steps in which the learning rate rises. */
  readonly warmup: number;
  /** Largest norm of all gradients together. */
  readonly clipNorm: number;
  /** Deviation of the prompt's random start. */
  readonly initScale: number;
  readonly seed: number;
}

export type TunedMethod = "kv" | "soft";
