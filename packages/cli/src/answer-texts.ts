import type { StoredPrompt } from "@kilotune/prompt";
import type { ClassifyRequest, Estimate, Prediction, Predictor } from "@kilotune/serving";

export type TextAnswer =
  | { readonly kind: "classes"; readonly answer: Prediction }
  | { readonly kind: "number"; readonly answer: Estimate };

/** Each row by its own prompt, whatever that was tuned for: labels or a number. In the order of the requests. */
export async function answerTexts(
  predictor: Predictor,
  prompts: ReadonlyMap<string, StoredPrompt>,
  requests: readonly ClassifyRequest[],
  options: { readonly logits: boolean; readonly alone: boolean; readonly topK?: number },
): Promise<TextAnswer[]> {
  const isNumber = ({ prompt }: ClassifyRequest) =>
    prompts.get(prompt)?.prompt.manifest.task === "regression";
  const { alone } = options;
  const [numbers, others] = [true, false].map((wanted) =>
    requests.flatMap((request, at) => (isNumber(request) === wanted ? [{ request, at }] : [])),
  ) as [Asked[], Asked[]];
  const answers: TextAnswer[] = [];
  const classes =
    others.length === 0
      ? []
      : await predictor.classify(
          others.map(({ request }) => request),
          options,
        );
  others.forEach(({ at }, own) => {
    answers[at] = { kind: "classes", answer: classes[own] as Prediction };
  });
  const values =
    numbers.length === 0
      ? []
      : await predictor.estimate(
          numbers.map(({ request }) => request),
          { alone },
        );
  numbers.forEach(({ at }, own) => {
    answers[at] = { kind: "number", answer: values[own] as Estimate };
  });
  return answers;
}

interface Asked {
  readonly request: ClassifyRequest;
  readonly at: number;
}
