import definition from "./tune-job.asl.json" with { type: "json" };

export type TuneJobDefinition = typeof definition;

/**
 * The state machine in Amazon States Language, the same for Step Functions and for the local engine. Its `Resource`s are
 * placeholders `${State}`: whoever deploys it renders the ARNs of what runs each state.
 */
export function tuneJobDefinition(arnOf: (state: string) => string): TuneJobDefinition {
  const text = JSON.stringify(definition).replaceAll(/\$\{(\w+)\}/g, (_, state: string) => arnOf(state));
  return JSON.parse(text) as TuneJobDefinition;
}
