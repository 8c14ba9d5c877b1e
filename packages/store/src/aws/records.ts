import { ConditionalCheckFailedException, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  BatchWriteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  type QueryCommandOutput,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import type { TenantId } from "@kilotune/contract";
import type { Clock } from "../ports/clock.ts";
import {
  type PageRequest,
  type RecordChange,
  type RecordKey,
  type RecordPage,
  type Records,
  StaleWriteError,
  type StoredRecord,
} from "../ports/records.ts";
import { checkAmounts, notACounter, sumsOf } from "../rules/counter.ts";
import { idRange } from "../rules/id-range.ts";
import { type CheckedChange, checkChanges, checkKey, checkPage } from "../rules/records.ts";
import { checkTenant } from "../rules/tenant.ts";
import { NOT_EXPIRED, toAction } from "./expressions.ts";
import { expiryPart, type Item, itemKey, toRecord } from "./item.ts";
import { AGAIN, untilDone } from "./until-done.ts";

type Numbers = Readonly<Record<string, number>>;
interface AddOptions {
  readonly expiresAt?: Date;
  readonly atMost?: Numbers;
}

/** Records in one table of DynamoDB; all reads are consistent. `item.ts` says what lies in the table. */
export class DynamoRecords implements Records {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, table: string, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  async read(tenant: TenantId, key: RecordKey): Promise<StoredRecord | undefined> {
    const item = await this.#find(tenant, key);
    return item && toRecord(item);
  }

  async list(tenant: TenantId, kind: string, page: PageRequest = {}): Promise<RecordPage> {
    const { limit, order } = checkPage(tenant, kind, page);
    const { from, to } = idRange(page);
    if (from > to) return { records: [], hasMore: false };
    const records: StoredRecord[] = [];
    // A page of DynamoDB ends at 1 MB, or holds expired records only.
    let start: QueryCommandOutput["LastEvaluatedKey"];
    do {
      const found = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          ConsistentRead: true,
          KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :to",
          FilterExpression: NOT_EXPIRED,
          ExpressionAttributeValues: {
            ":pk": tenant,
            ":from": `${kind}#${from}`,
            ":to": `${kind}#${to}`,
            ":now": this.#now(),
          },
          ScanIndexForward: order === "asc",
          Limit: limit + 1,
          ExclusiveStartKey: start,
        }),
      );
      records.push(...((found.Items ?? []) as Item[]).map(toRecord));
      start = found.LastEvaluatedKey;
    } while (records.length <= limit && start !== undefined);
    return { records: records.slice(0, limit), hasMore: records.length > limit };
  }

  async write(tenant: TenantId, changes: readonly RecordChange[]): Promise<void> {
    const checked = checkChanges(tenant, changes);
    const expired = new Set<CheckedChange>();
    await untilDone(async () => {
      const now = this.#now();
      const actions = checked.flatMap((change) => {
        const action = toAction(this.#table, tenant, change, now, expired.has(change));
        return action === undefined ? [] : [{ change, action }];
      });
      if (actions.length === 0) return;
      try {
        await this.#client.send(
          new TransactWriteCommand({ TransactItems: actions.map(({ action }) => action) }),
        );
        return;
      } catch (error) {
        const reasons = reasonsOf(error);
        const failed = actions.filter((_, i) => reasons[i] === "ConditionalCheckFailed");
        const stale = failed.find(({ change }) => !(change.does === "put" && change.change.expect === "any"));
        if (stale !== undefined) throw new StaleWriteError(stale.change.key);
        // Puts that expect nothing fail where the record has expired, and where that one was replaced meanwhile.
        for (const { change } of failed) if (!expired.delete(change)) expired.add(change);
        return AGAIN;
      }
    });
  }

  async add(
    tenant: TenantId,
    key: RecordKey,
    amounts: Numbers,
    options: AddOptions = {},
  ): Promise<Numbers | undefined> {
    checkKey(tenant, key);
    checkAmounts(amounts, options.atMost);
    return untilDone<Numbers | undefined>(async () => {
      const sums = await this.#increase(tenant, key, amounts, options);
      if (sums !== undefined) return sums;
      const item = await this.#find(tenant, key);
      if (item === undefined) return this.#begin(tenant, key, amounts, options);
      if (item.numbers === undefined) throw notACounter(key);
      return sumsOf(item.numbers, amounts, options.atMost) === undefined ? undefined : AGAIN;
    });
  }

  /** DynamoDB's own files are nobody's to read. */
  async scrub(): Promise<void> {}

  async eraseTenant(tenant: TenantId): Promise<number> {
    checkTenant(tenant);
    let erased = 0;
    let start: QueryCommandOutput["LastEvaluatedKey"];
    do {
      const found = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          ConsistentRead: true,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": tenant },
          ProjectionExpression: "pk, sk",
          ExclusiveStartKey: start,
        }),
      );
      const keys = found.Items ?? [];
      for (let at = 0; at < keys.length; at += 25) await this.#remove(keys.slice(at, at + 25));
      erased += keys.length;
      start = found.LastEvaluatedKey;
    } while (start !== undefined);
    return erased;
  }

  #now(): number {
    return this.#clock.now().getTime();
  }

  async #find(tenant: TenantId, key: RecordKey): Promise<Item | undefined> {
    checkKey(tenant, key);
    const found = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: itemKey(tenant, key), ConsistentRead: true }),
    );
    const item = found.Item as Item | undefined;
    return item?.expiresAtMs !== undefined && item.expiresAtMs <= this.#now() ? undefined : item;
  }

  /** Adds to a counter that is there. undefined: there is none, or a number would pass its limit. */
  async #increase(
    tenant: TenantId,
    key: RecordKey,
    amounts: Numbers,
    { expiresAt, atMost = {} }: AddOptions,
  ): Promise<Numbers | undefined> {
    const names: Record<string, string> = {};
    const values: Record<string, number> = { ":now": this.#now(), ":zero": 0, ":one": 1 };
    const nameOf = (name: string) => {
      names[`#${name}`] = name;
      return `numbers.#${name}`;
    };
    const set = ["revision = if_not_exists(revision, :zero) + :one"];
    for (const [name, amount] of Object.entries(amounts)) {
      set.push(`${nameOf(name)} = if_not_exists(${nameOf(name)}, :zero) + :add_${name}`);
      values[`:add_${name}`] = amount;
    }
    for (const [name, number] of Object.entries(expiryPart(expiresAt))) {
      set.push(`${name} = :${name}`);
      values[`:${name}`] = number;
    }
    const conditions = ["attribute_exists(numbers)", NOT_EXPIRED];
    for (const [name, limit] of Object.entries(atMost)) {
      const amount = Object.hasOwn(amounts, name) ? (amounts[name] as number) : 0;
      values[`:room_${name}`] = limit - amount;
      const fits = `${nameOf(name)} <= :room_${name}`;
      // A number that isn't there counts as 0, but compares as nothing.
      conditions.push(amount <= limit ? `(attribute_not_exists(${nameOf(name)}) OR ${fits})` : fits);
    }
    try {
      const updated = await this.#client.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: itemKey(tenant, key),
          UpdateExpression: `SET ${set.join(", ")}`,
          ConditionExpression: conditions.join(" AND "),
          ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
          ExpressionAttributeValues: values,
          ReturnValues: "ALL_NEW",
        }),
      );
      return (updated.Attributes as Item).numbers;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException || isTransient(error)) return undefined;
      throw error;
    }
  }

  /** Makes a counter; undefined where the first amounts pass their limits. */
  async #begin(
    tenant: TenantId,
    key: RecordKey,
    amounts: Numbers,
    { expiresAt, atMost }: AddOptions,
  ): Promise<Numbers | undefined | typeof AGAIN> {
    const value = sumsOf({}, amounts, atMost);
    if (value === undefined) return undefined;
    try {
      await this.write(tenant, [{ put: key, value, expect: "absent", ...(expiresAt && { expiresAt }) }]);
      return value;
    } catch (error) {
      if (error instanceof StaleWriteError) return AGAIN;
      throw error;
    }
  }

  async #remove(keys: readonly Record<string, unknown>[]): Promise<void> {
    let left = keys.map((Key) => ({ DeleteRequest: { Key } }));
    await untilDone(async () => {
      const answer = await this.#client.send(
        new BatchWriteCommand({ RequestItems: { [this.#table]: left } }),
      );
      left = (answer.UnprocessedItems?.[this.#table] ?? []) as typeof left;
      return left.length === 0 ? undefined : AGAIN;
    });
  }
}

/**
 * Why each action of a transaction failed, where it may be tried again or is stale.
 *
 * @throws the error, where it is another one
 */
function reasonsOf(error: unknown): readonly string[] {
  if (isTransient(error)) return [];
  if (!(error instanceof TransactionCanceledException)) throw error;
  const reasons = (error.CancellationReasons ?? []).map(({ Code = "None" }) => Code);
  const known = new Set(["None", "ConditionalCheckFailed", ...TRANSIENT_REASONS]);
  if (reasons.length === 0 || !reasons.every((reason) => known.has(reason))) throw error;
  return reasons;
}

const TRANSIENT_REASONS = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/** What the client has retried a few times already. */
function isTransient(error: unknown): boolean {
  return error instanceof Error && TRANSIENT.has(error.name);
}

const TRANSIENT = new Set([
  "TransactionConflictException",
  "TransactionInProgressException",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);
