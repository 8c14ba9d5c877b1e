/**
 * The Lambda functions by name: each is `functions/<name>.ts`, which exports `handler`, and becomes `out/aws/functions/<name>.zip`
 * with the handler `index.handler`.
 */
export const FUNCTIONS = {
  api: { needs: "nothing beside itself" },
  infer: { needs: "backbone" },
  validate: { needs: "nothing beside itself" },
  evaluate: { needs: "backbone" },
  publish: { needs: "nothing beside itself" },
  notify: { needs: "nothing beside itself" },
  fail: { needs: "nothing beside itself" },
  batch: { needs: "nothing beside itself" },
  housekeeping: { needs: "nothing beside itself" },
} as const satisfies Record<string, FunctionRow>;

export type FunctionName = keyof typeof FUNCTIONS;

interface FunctionRow {
  /** `backbone`: the layers of ONNX Runtime and of a backbone. */
  readonly needs: "backbone" | "nothing beside itself";
}
