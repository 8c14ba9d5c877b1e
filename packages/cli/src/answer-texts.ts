import type { StoredPrompt } from "@kilotune/prompt";
import type { ClassifyRequest, Estimate, Prediction, Predictor, Tagging } from "@kilotune/serving";

export type TextAnswer =
  | { readonly kind: "classes"; readonly answer: Prediction }
  | { readonly kind: "number"; readonly answer: Estimate }
  | { readonly kind: "spans"; readonly answer: Tagging };

/** Each row by its own prompt, whatever that was tuned for: labels, a number, named spans. In the order of the requests. */
export async function answerTexts(
  predictor: Predictor,
  prompts: ReadonlyMap<string, StoredPrompt>,
  requests: readonly ClassifyRequest[],
  options: { readonly logits: boolean; readonly alone: boolean; readonly topK?: number },
): Promise<TextAnswer[]> {
  const kinds = requests.map(({ prompt }) => kindOf(prompts.get(prompt)));
  const answers: TextAnswer[] = [];
  const ask = async <Answer>(
    kind: TextAnswer["kind"],
    call: (own: readonly ClassifyRequest[]) => Promise<readonly Answer[]>,
  ) => {
    const places = [...kinds.keys()].filter((at) => kinds[at] === kind);
    if (places.length === 0) return;
    const own = await call(places.map((at) => requests[at] as ClassifyRequest));
    for (const [each, at] of places.entries()) answers[at] = { kind, answer: own[each] } as TextAnswer;
  };
  const { alone } = options;
  await ask("classes", (own) => predictor.classify(own, options));
  await ask("number", (own) => predictor.estimate(own, { alone }));
  await ask("spans", (own) => predictor.tag(own, { alone }));
  return answers;
}

function kindOf(stored: StoredPrompt | undefined): TextAnswer["kind"] {
  const task = stored?.prompt.manifest.task;
  return task === "regression" ? "number" : task === "tagging" ? "spans" : "classes";
}
