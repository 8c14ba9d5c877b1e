// @ts-expect-error It comes without types.
import validate from "asl-validator";
import { expect, it } from "vitest";
import { STATES } from "../states/states.ts";
import { tuneJobDefinition } from "./definition.ts";

const arnOf = (state: string) => `arn:aws:lambda:eu-central-1:123456789012:function:kilotune-${state}`;
const definition = tuneJobDefinition(arnOf);

/** Those that call something, and what each candidate of a sweep goes through. */
const { Sweep, ...others } = definition.States;
const states: Record<
  string,
  { Type: string; Resource?: string; TimeoutSeconds?: number; Catch?: unknown[] }
> = { ...others, ...Sweep.ItemProcessor.States };

it("is valid Amazon States Language", () => {
  const { isValid, errorsText } = validate(structuredClone(definition));
  expect(errorsText()).toBe("");
  expect(isValid).toBe(true);
});

it("calls each of the states by its name, and no other", () => {
  expect(Object.keys(states)).toEqual(expect.arrayContaining(Object.keys(STATES)));
  expect(Object.keys(states)).toHaveLength(Object.keys(STATES).length);
  for (const [name, { Type, Resource }] of Object.entries(states))
    expect([Type, Resource]).toEqual(["Task", arnOf(name)]);
});

it("says how long each state may take: the local engine gives up after a minute else", () => {
  for (const { TimeoutSeconds } of Object.values(states)) expect(TimeoutSeconds).toBeGreaterThan(60);
});

it("uses nothing that the local engine passes over in silence", () => {
  expect(JSON.stringify(definition)).not.toMatch(/JSONata|"Assign"|ItemReader|QueryLanguage/);
});

it("leads every failure to Fail, but a stop", () => {
  for (const name of ["Validate", "Sweep", "Tune", "Evaluate", "Publish"] as const)
    expect(definition.States[name].Catch).toEqual([
      { ErrorEquals: ["JobStopped"], ResultPath: null, Next: "Notify" },
      { ErrorEquals: ["States.ALL"], ResultPath: "$.failure", Next: "Fail" },
    ]);
});
