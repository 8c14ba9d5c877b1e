import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { ERROR_STATUS } from "@kilotune/contract/wire";
import { HTTPException } from "hono/http-exception";
import { describe, expect, it } from "vitest";
import { describeError } from "./describe-error.ts";

const packages = path.resolve(import.meta.dirname, "../../..");

/** Codes in the sources of the packages that a request reaches. */
function codesThrown(): Set<string> {
  const codes = new Set<string>();
  for (const name of ["api", "service", "store", "serving"]) {
    const files = readdirSync(path.join(packages, name, "src"), { recursive: true, encoding: "utf8" });
    for (const file of files.filter((each) => each.endsWith(".ts") && !/test|suite/.test(each))) {
      const source = readFileSync(path.join(packages, name, "src", file), "utf8");
      for (const [, code] of source.matchAll(/new KilotuneError\(\s*"([a-z_]+)"/g)) codes.add(code as string);
    }
  }
  return codes;
}

/** Told to whoever starts or runs the server. */
const NOT_ANSWERED = [
  "folder_not_writable",
  "store_damaged",
  "store_in_use",
  "store_newer",
  "webhook_refused",
];

describe("an error as an answer", () => {
  it("has a status of its own, whichever package threw it", () => {
    const unknown = [...codesThrown()].filter((code) => !(code in ERROR_STATUS));
    expect(unknown.sort()).toEqual(NOT_ANSWERED);
  });

  it("says what was expected and what to try; a 500 says nothing", () => {
    const known = describeError(
      new KilotuneError("job_ended", "It has ended.", "Make another.", { param: "x" }),
    );
    expect(known).toMatchObject({
      status: 400,
      body: { error: { message: "It has ended. Make another.", param: "x", type: "invalid_request_error" } },
      headers: { "x-should-retry": "false" },
    });
    const told = new KilotuneError("bad_store_call", 'saw "a secret"', "");
    for (const error of [told, new Error("a secret"), "a secret", null, { code: "x", message: "a secret" }]) {
      const { status, body } = describeError(error);
      expect([status, JSON.stringify(body)]).toEqual([500, expect.not.stringContaining("secret")]);
    }
  });

  it("is told apart by its code, whichever copy of a package made it", () => {
    const copy = Object.assign(new Error("Full."), { code: "overloaded", kind: "machine", hint: "Wait." });
    expect(describeError(copy)).toMatchObject({ status: 429, body: { error: { type: "rate_limit_error" } } });
    const inherited = Object.assign(new Error("x"), { code: "constructor", kind: "machine", hint: "" });
    expect(describeError(inherited).status).toBe(500);
  });

  it("of Hono's own is one of ours", () => {
    const refusal = describeError(new HTTPException(415, { message: "Unsupported Media Type" }));
    expect(refusal).toMatchObject({ status: 415, body: { error: { code: "unsupported_media_type" } } });
    expect(describeError(new HTTPException(500)).body.error.code).toBe("internal_error");
  });

  it("says when to come again where that may help", () => {
    const busy = new KilotuneError("busy", "x", "", { kind: "machine", retryable: true });
    expect(describeError(busy)).toMatchObject({
      status: 409,
      headers: { "x-should-retry": "true", "retry-after": "1" },
    });
    const full = new KilotuneError("exceeded_quota", "x", "");
    expect(describeError(full)).toMatchObject({ status: 429, headers: { "x-should-retry": "false" } });
  });
});
