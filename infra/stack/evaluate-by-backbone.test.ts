// @ts-expect-error It comes without types.
import aslValidator from "asl-validator";
import { StateMachine, type StateMachineDefinition } from "aws-local-stepfunctions";
import { expect, it } from "vitest";
import { tuneJobDefinition } from "../../packages/worker/src/workflow/definition.ts";
import { evaluateByBackbone } from "./evaluate-by-backbone.ts";

const arn = (name: string) => `arn:aws:lambda:eu-central-1:123456789012:function:${name}`;
const rendered = evaluateByBackbone(tuneJobDefinition(arn), {
  "minilm-l6": arn("evaluate-minilm-l6"),
  "vit-s14": arn("evaluate-vit-s14"),
});

/** @returns the states that ran, by name, and what the last of them was given */
async function walk(backbone: string, evaluate: () => unknown = () => null) {
  const ran: string[] = [];
  let last: unknown;
  const handler = (name: string) => (input: unknown) => {
    ran.push(name);
    last = input;
    if (name === "Validate") return { backbone, trials: [] };
    return name.startsWith("Evaluate") ? evaluate() : null;
  };
  const names = Object.keys(rendered.States).filter((name) => name !== "Evaluate");
  // It writes into what it is given.
  const machine = new StateMachine(structuredClone(rendered) as unknown as StateMachineDefinition);
  const handlers = Object.fromEntries(
    names.map((name) => [name, async (input: unknown) => handler(name)(input)]),
  );
  await machine.run(
    { tenant: "tn-a", job: "ftjob-1" },
    { overrides: { taskResourceLocalHandlers: handlers as never } },
  ).result;
  return { ran, last };
}

it("is a definition that Step Functions takes", () => {
  expect(aslValidator(rendered as never)).toMatchObject({ isValid: true });
});

it.each([
  ["minilm-l6", "Evaluate-minilm-l6"],
  ["vit-s14", "Evaluate-vit-s14"],
  // The first function says that it isn't its own.
  ["one-of-yesterday", "Evaluate-minilm-l6"],
])("asks the function that holds %s", async (backbone, state) => {
  const { ran, last } = await walk(backbone);
  expect(ran).toEqual(["Validate", "Tune", state, "Publish", "Notify"]);
  expect(last).toEqual({ tenant: "tn-a", job: "ftjob-1", validated: { backbone, trials: [] } });
});

it("leads to Fail as the one state did", async () => {
  const { ran } = await walk("vit-s14", () => {
    throw Object.assign(new Error("no"), { name: "serving_mismatch" });
  });
  expect(ran).toEqual(["Validate", "Tune", "Evaluate-vit-s14", "Fail", "Notify"]);
});
