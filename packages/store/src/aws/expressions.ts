import type { TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import type { TenantId } from "@kilotune/contract";
import type { Expectation } from "../ports/records.ts";
import type { CheckedChange } from "../rules/records.ts";
import { expiryPart, itemKey, valuePart } from "./item.ts";

type Action = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];
type Values = Record<string, unknown>;

/** Of an item that is there and hasn't expired, and of none. */
export const NOT_EXPIRED = "(attribute_not_exists(expiresAtMs) OR expiresAtMs > :now)";

/**
 * A change as DynamoDB's action; undefined where there is nothing to do.
 *
 * @param anew of a put that expects nothing in particular: the record there is has expired, so that revisions begin anew
 */
export function toAction(
  table: string,
  tenant: TenantId,
  checked: CheckedChange,
  nowMs: number,
  anew: boolean,
): Action | undefined {
  const common = { TableName: table, Key: itemKey(tenant, checked.key) };
  const expected = anew ? "absent" : checked.change.expect;
  if (checked.does === "put") {
    const put = putExpression(checked, expected);
    const condition = expected === "any" ? { text: NOT_EXPIRED, values: {} } : conditionOf(expected);
    return {
      Update: {
        ...common,
        UpdateExpression: put.text,
        ConditionExpression: condition.text,
        ExpressionAttributeValues: { ":now": nowMs, ...put.values, ...condition.values },
      },
    };
  }
  if (expected === "any") return checked.does === "remove" ? { Delete: common } : undefined;
  const condition = conditionOf(expected);
  const conditional = {
    ...common,
    ConditionExpression: condition.text,
    ExpressionAttributeValues: { ":now": nowMs, ...condition.values },
  };
  return checked.does === "remove" ? { Delete: conditional } : { ConditionCheck: conditional };
}

interface Expression {
  readonly text: string;
  readonly values: Values;
}

function conditionOf(expected: Exclude<Expectation, "any">): Expression {
  if (expected === "absent") return { text: "attribute_not_exists(pk) OR expiresAtMs <= :now", values: {} };
  if (expected === "present") return { text: `attribute_exists(pk) AND ${NOT_EXPIRED}`, values: {} };
  return { text: `revision = :expected AND ${NOT_EXPIRED}`, values: { ":expected": expected.revision } };
}

/** An update rather than a put, since only updates can count on from the revision there is. */
function putExpression(checked: CheckedChange & { does: "put" }, expected: Expectation): Expression {
  const parts: Values = { ...valuePart(checked.json), ...expiryPart(checked.change.expiresAt) };
  const names = ["json", "numbers", "expiresAtMs", "expiresAtSeconds"];
  const set = names.filter((name) => name in parts);
  const removed = names.filter((name) => !(name in parts));
  const revision = nextRevision(expected);
  return {
    text: `SET ${[`revision = ${revision.text}`, ...set.map((name) => `${name} = :${name}`)]} REMOVE ${removed}`,
    values: { ...revision.values, ...Object.fromEntries(set.map((name) => [`:${name}`, parts[name]])) },
  };
}

function nextRevision(expected: Expectation): Expression {
  if (expected === "absent") return { text: ":one", values: { ":one": 1 } };
  return { text: "if_not_exists(revision, :zero) + :one", values: { ":zero": 0, ":one": 1 } };
}
