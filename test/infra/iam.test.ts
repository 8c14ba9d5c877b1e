import { expect, it } from "vitest";
import { isAllowed, type Statement } from "./iam.ts";

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of IAM, not of ours
const TENANT = "${aws:PrincipalTag/tenant}";
const allow = (more: Partial<Statement>): Statement => ({
  Effect: "Allow",
  Action: "s3:GetObject",
  Resource: "*",
  ...more,
});
const get = { action: "s3:GetObject", resource: "arn:aws:s3:::b/tenants/tn-a/x" };

// [what, statements, request's context, allowed]; by the IAM user guide, "Policy evaluation logic" and "Condition operators".
const ROWS: readonly (readonly [string, Statement[], Record<string, string | string[]>, boolean])[] = [
  ["nothing said", [], {}, false],
  ["an allow", [allow({})], {}, true],
  ["a deny beside an allow", [allow({}), allow({ Effect: "Deny" })], {}, false],
  ["another action", [allow({ Action: "s3:PutObject" })], {}, false],
  ["actions in any case", [allow({ Action: "S3:getobject" })], {}, true],
  ["a wildcard", [allow({ Resource: "arn:aws:s3:::b/tenants/*" })], {}, true],
  ["? is one letter", [allow({ Resource: "arn:aws:s3:::b/tenants/tn-?/x" })], {}, true],
  ["? isn't two", [allow({ Resource: "arn:aws:s3:::b/tenant?/tn-a/" })], {}, false],
  ["a dot is a dot", [allow({ Resource: "arn:aws:s3:::b/tenants.tn-a/x" })], {}, false],
  [
    "a variable",
    [allow({ Resource: `arn:aws:s3:::b/tenants/${TENANT}/*` })],
    { "aws:PrincipalTag/tenant": "tn-a" },
    true,
  ],
  [
    "a variable that is another's beginning",
    [allow({ Resource: `arn:aws:s3:::b/tenants/${TENANT}/*` })],
    { "aws:PrincipalTag/tenant": "tn" },
    false,
  ],
  ["a variable of nothing", [allow({ Resource: `arn:aws:s3:::b/tenants/${TENANT}*` })], {}, false],
  [
    "a variable with a star in it",
    [allow({ Resource: `arn:aws:s3:::b/tenants/${TENANT}/x` })],
    { "aws:PrincipalTag/tenant": "*" },
    false,
  ],
  ["a key that isn't there", [allow({ Condition: { StringLike: { "s3:prefix": "*" } } })], {}, false],
  ["not, of a key that isn't there", [allow({ Condition: { StringNotEquals: { k: "v" } } })], {}, true],
  ["not any of two", [allow({ Condition: { StringNotEquals: { k: ["v", "w"] } } })], { k: "w" }, false],
  ["for all of nothing", [allow({ Condition: { "ForAllValues:StringEquals": { k: "v" } } })], {}, true],
  [
    "for all, one isn't",
    [allow({ Condition: { "ForAllValues:StringEquals": { k: "v" } } })],
    { k: ["v", "w"] },
    false,
  ],
  [
    "for any, one is",
    [allow({ Condition: { "ForAnyValue:StringEquals": { k: "v" } } })],
    { k: ["w", "v"] },
    true,
  ],
  ["null: it must be there", [allow({ Condition: { Null: { k: "false" } } })], {}, false],
  ["null: it is there", [allow({ Condition: { Null: { k: "false" } } })], { k: "v" }, true],
  [
    "two conditions, one fails",
    [allow({ Condition: { StringEquals: { k: "v", l: "w" } } })],
    { k: "v" },
    false,
  ],
];

it.each(ROWS)("%s", (_, statements, context, allowed) => {
  expect(isAllowed(statements, { ...get, context })).toBe(allowed);
});

it("takes nothing for granted that it doesn't know", () => {
  const unknown = { NotAction: "s3:*" } as unknown as Partial<Statement>;
  expect(() => isAllowed([allow(unknown)], get)).toThrow("NotAction");
  const odd = allow({ Condition: { NumericLessThan: { k: "1" } } });
  expect(() => isAllowed([odd], get)).toThrow("NumericLessThan");
});
