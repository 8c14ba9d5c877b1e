import { describe, expect, it } from "vitest";
import { settingsOf } from "./settings.ts";

describe("a stage", () => {
  it.each([
    ["Production", /a-z, 0-9 and -, at most 31 .* saw "Production"/],
    ["-dev", /beginning with a letter; saw "-dev"/],
    ["a".repeat(32), /at most 31/],
    ["", /saw ""/],
    ["prod", /The stage prod would be a personal one: unprotected.* --stage production/],
    ["stg", /--stage staging/],
  ])("%j is refused", (stage, words) => {
    expect(() => settingsOf(stage)).toThrow(words);
  });

  it("is personal and cheap, unless it's one of two", () => {
    expect(settingsOf("jo-2")).toMatchObject({
      shape: "personal",
      tuneOn: "cpu",
      warmInfer: 0,
      isProtected: false,
    });
    expect(settingsOf("staging")).toMatchObject({ shape: "staging", tuneOn: "gpu", isProtected: false });
    expect(settingsOf("production")).toMatchObject({ shape: "production", warmInfer: 2, isProtected: true });
  });

  it("keeps nothing warm in tenant isolation mode, which AWS refuses", () => {
    expect(settingsOf("production", { tenantIsolation: "on" })).toMatchObject({
      tenantIsolation: true,
      warmInfer: 0,
    });
    expect(() => settingsOf("dev", { tenantIsolation: "yes" })).toThrow(
      /KILOTUNE_TENANT_ISOLATION: expected on or off, saw "yes"/,
    );
  });
});
