/** What of a run's settings a search may change, and how far: on the command line, in a job's request. */
export const SWEPT = {
  /** Virtual tokens of `kv`, `soft` and `deep`, the rank of `lora`. */
  tokens: { whole: true, least: 1, most: 128 },
  firstLayer: { whole: true, least: 0, most: 1000 },
  epochs: { whole: true, least: 1, most: 200 },
  batchSize: { whole: true, least: 1, most: 1024 },
  promptLearningRate: { whole: false, least: 1e-6, most: 10 },
  headLearningRate: { whole: false, least: 1e-6, most: 10 },
  temperature: { whole: false, least: 1e-3, most: 10 },
  dropout: { whole: false, least: 0, most: 0.9 },
} as const satisfies Record<string, SweptLimits>;

export interface SweptLimits {
  readonly whole: boolean;
  readonly least: number;
  readonly most: number;
}

export type SweptName = keyof typeof SWEPT;

/** Some settings by name: one candidate of a sweep. */
export type SweptSettings = Readonly<Partial<Record<SweptName, number>>>;

/** For people: `tokens 8, dropout 0.1`; nothing where nothing differs. */
export function settingWords(settings: Readonly<Record<string, number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
