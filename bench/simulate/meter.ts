import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";

/** What AWS would bill of calls to a table on demand and a bucket. */
export interface Units {
  /** Read and write request units. */
  readonly reads: number;
  readonly writes: number;
  /** Calls of the table that wait for one another: those at the same time count once. */
  readonly rounds: number;
  readonly gets: number;
  /** PUT, POST and LIST, which cost the same. Deletes cost nothing. */
  readonly puts: number;
}

/** Counts what two clients do. The units are the emulator's, which follow DynamoDB's rules for sizes and transactions. */
export function meter(dynamo: DynamoDBClient, s3: S3Client) {
  const units = { reads: 0, writes: 0, rounds: 0, gets: 0, puts: 0 };
  let underway = 0;
  const add = (name: string, consumed: unknown) => {
    for (const each of [consumed ?? []].flat() as { CapacityUnits?: number }[]) {
      const isRead = /^(Get|Query|Scan|BatchGet)/.test(name);
      units[isRead ? "reads" : "writes"] += each.CapacityUnits ?? 0;
    }
  };
  dynamo.middlewareStack.add(
    (next, { commandName = "" }) =>
      async (args) => {
        Object.assign(args.input, { ReturnConsumedCapacity: "TOTAL" });
        if (underway++ === 0) units.rounds++;
        try {
          const answer = await next(args);
          add(commandName, (answer.output as { ConsumedCapacity?: unknown }).ConsumedCapacity);
          return answer;
        } finally {
          underway--;
        }
      },
    // Before the input is written out.
    { step: "initialize", name: "countUnits", priority: "low" },
  );
  s3.middlewareStack.add(
    (next, { commandName = "" }) =>
      (args) => {
        if (/^(Get|Head)/.test(commandName)) units.gets++;
        else if (!/^(Delete|Abort)/.test(commandName)) units.puts++;
        return next(args);
      },
    { step: "initialize", name: "countCalls" },
  );
  return {
    /** Of this work alone. */
    async during(work: () => Promise<unknown>): Promise<Units> {
      const before = { ...units };
      await work();
      const spent = Object.entries(units).map(([name, now]) => [name, now - before[name as keyof Units]]);
      return Object.fromEntries(spent) as unknown as Units;
    },
  };
}
