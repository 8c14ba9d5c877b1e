import { fork } from "node:child_process";
import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { prng } from "@kilotune/dataset";
import { createKey, createTenant, type Service, type Tenant } from "@kilotune/service";
import { openLocalStore } from "@kilotune/store/local";
import type { RecordChange, Records } from "@kilotune/store";
import { defineBench, say } from "./support/bench.ts";
import type { KeysRead } from "./support/read-keys.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "100,000 tenants with 1,000,000 keys in the local store, then keys at random in a fresh process",
  goal: "authentication p99 <= 2 ms, resident memory within 500 MB",
  flags: { tenants: 100_000, "keys-each": 10, reads: 100_000 },
  run: ({ tenants, "keys-each": keysEach, reads }) =>
    withFolder(async (folder) => {
      const data = path.join(folder, "data");
      const start = performance.now();
      const secrets = await writeKeys(data, tenants, keysEach, reads);
      const secondsToWrite = (performance.now() - start) / 1000;
      const secretsFile = path.join(folder, "secrets.txt");
      await writeFile(secretsFile, secrets.join("\n"));
      const { size } = await stat(path.join(data, "records.sqlite"));
      const read = await readKeys(data, secretsFile);
      const figures = {
        tenants,
        keys: tenants * keysEach,
        databaseMb: size / 1e6,
        secondsToWrite,
        ...read,
      };
      const isRight = read.accepted === read.good && read.refused === read.bad;
      return { figures, reached: isRight && read.p99Ms <= 2 && read.peakMb <= 500 };
    }),
});

/** Keys as the service makes them, audit log included; `count` of their secrets, drawn evenly. */
async function writeKeys(data: string, tenants: number, keysEach: number, count: number): Promise<string[]> {
  await using store = await openLocalStore(data);
  const idle = async () => {};
  const service: Omit<Service, "records"> = {
    blobs: store.blobs,
    clock: { now: () => new Date() },
    backbones: new Map(),
    workflow: { start: idle, stop: idle },
  };
  const gathered = gatherWrites(store.records);
  const share = count / (tenants * keysEach);
  const random = prng(0, "keys");
  const secrets: string[] = [];
  for (let made = 0; made < tenants; ) {
    const some: Tenant[] = [];
    for (let at = 0; at < TENANTS_A_WRITE && made < tenants; at++, made++)
      some.push(await createTenant({ ...service, records: gathered.records }, { name: `Tenant ${made}` }));
    await gathered.flush();
    for (const { id } of some) {
      for (let at = 0; at < keysEach; at++) {
        const { secret } = await createKey({ ...service, records: gathered.records }, id);
        if (random.uniform() < share) secrets.push(secret);
        if ((at + 1) % KEYS_A_WRITE === 0) await gathered.flush();
      }
      await gathered.flush();
    }
    if (made % 10_000 < TENANTS_A_WRITE) say(`  ${made} tenants written`);
  }
  return random.shuffle(secrets);
}

/** A write takes 25 changes, and each of these needs two. */
const TENANTS_A_WRITE = 12;
const KEYS_A_WRITE = 12;

/** The service's writes, put together until `flush`: a million transactions would take minutes. */
function gatherWrites(records: Records) {
  let waiting: RecordChange[] = [];
  let tenant: Parameters<Records["write"]>[0] | undefined;
  return {
    records: {
      ...bound(records),
      async write(of: Parameters<Records["write"]>[0], changes: readonly RecordChange[]) {
        tenant = of;
        waiting.push(...changes);
      },
    },
    async flush() {
      if (tenant !== undefined && waiting.length > 0) await records.write(tenant, waiting);
      waiting = [];
    },
  };
}

function bound(records: Records): Records {
  return {
    read: (...given) => records.read(...given),
    list: (...given) => records.list(...given),
    write: (...given) => records.write(...given),
    add: (...given) => records.add(...given),
    eraseTenant: (...given) => records.eraseTenant(...given),
    scrub: () => records.scrub(),
  };
}

async function readKeys(data: string, secretsFile: string): Promise<KeysRead> {
  const child = fork(path.join(import.meta.dirname, "support/read-keys.ts"), [data, secretsFile]);
  const read = once(child, "message").then(([result]) => result as KeysRead);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the process that reads ended with ${code}`);
  });
  ended.catch(() => {});
  return Promise.race([read, ended]);
}
