import fc from "fast-check";
import { expect, it } from "vitest";
import { type Environment, readEnvironment, VARIABLES } from "./environment.ts";

const BARE = { KILOTUNE_STAGE: "dev", KILOTUNE_TABLE: "t", KILOTUNE_BUCKET: "b" };

it("has what is set, and defaults", () => {
  expect(readEnvironment(BARE)).toMatchObject({
    stage: "dev",
    table: "t",
    bucket: "b",
    backboneDir: "/opt/kilotune/backbone",
    tenantIsolation: false,
  });
  const arn = "arn:aws:states:eu-central-1:1:stateMachine:jobs";
  const more = { ...BARE, KILOTUNE_STATE_MACHINE_ARN: arn, KILOTUNE_TENANT_ISOLATION: "on" };
  const { stateMachineArn, tenantIsolation } = readEnvironment(more, ["stateMachineArn", "backboneDir"]);
  expect([stateMachineArn, tenantIsolation]).toEqual([arn, true]);
});

it("names all that is missing or wrong at once; an empty one is missing", () => {
  const wrong = {
    ...BARE,
    KILOTUNE_TABLE: "",
    KILOTUNE_STAGE: "Dev!",
    KILOTUNE_TENANT_ROLE_ARN: "role",
    KILOTUNE_INFER_FUNCTIONS: "[]",
  };
  expect(() => readEnvironment(wrong, ["backbone"])).toThrow(
    /KILOTUNE_STAGE isn't a stage's name.*KILOTUNE_TABLE is missing.*KILOTUNE_TENANT_ROLE_ARN isn't an ARN of iam.*KILOTUNE_INFER_FUNCTIONS isn't JSON.*KILOTUNE_BACKBONE is missing/,
  );
});

it("never quotes a value: it may be a secret in the wrong place", () => {
  const names = Object.keys(VARIABLES) as (keyof Environment)[];
  const secret = "kt_platform.00000000000000000000000000_0123456789";
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.string(), (name, text) => {
      const value = secret + text;
      try {
        readEnvironment({ ...BARE, [VARIABLES[name]]: value }, names);
      } catch (error) {
        expect((error as Error).message).not.toContain(secret);
        return;
      }
      throw new Error("it took an environment that isn't whole");
    }),
  );
});
