import { expect, it } from "vitest";
import { KilotuneError, retold } from "./error.ts";

it("says an error otherwise, and keeps all else: whether to try again, the field to blame, what caused it", () => {
  const options = { kind: "machine", retryable: true, param: "file" } as const;
  const error = new KilotuneError("busy", "is busy", "Wait.", options);
  const said = retold(error, { message: "image 2 of 3: is busy" });
  expect(said).toMatchObject({ ...options, code: "busy", message: "image 2 of 3: is busy", hint: "Wait." });
  expect(said.cause).toBe(error);
  expect(retold(error, { param: "images" })).toMatchObject({ message: "is busy", param: "images" });
  // The engine's own errors have fewer fields.
  const bare = Object.assign(new Error("no"), { code: "no", kind: "input" as const, hint: "Try." });
  expect(retold(bare, {})).toMatchObject({ message: "no", retryable: false, param: null, issues: [] });
});
