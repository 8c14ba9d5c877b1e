import type { TuneJobDefinition } from "../../packages/worker/src/workflow/definition.ts";

/**
 * The state machine with its state `Evaluate` as a choice: a function holds one backbone, so each backbone has a state of
 * its own, and `Validate` says which it is. A backbone that the stage hasn't any more is told of by the first of them.
 *
 * @param arns of the functions, by the backbone's id
 */
export function evaluateByBackbone<Definition extends Pick<TuneJobDefinition, "States">>(
  definition: Definition,
  arns: Readonly<Record<string, string>>,
) {
  const { Evaluate, ...others } = definition.States;
  const states = Object.entries(arns).map(([backbone, Resource]) => ({
    backbone,
    name: `Evaluate-${backbone}`,
    state: { ...Evaluate, Resource },
  }));
  const [first] = states;
  if (first === undefined) throw new Error("Expected a function of at least one backbone.");
  return {
    ...definition,
    States: {
      ...others,
      Evaluate: {
        Type: "Choice",
        Choices: states.map(({ backbone, name }) => ({
          Variable: "$.validated.backbone",
          StringEquals: backbone,
          Next: name,
        })),
        Default: first.name,
      },
      ...Object.fromEntries(states.map(({ name, state }) => [name, state])),
    },
  };
}
