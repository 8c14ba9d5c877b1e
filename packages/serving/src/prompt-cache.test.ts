import { describe, expect, it } from "vitest";
import { PromptCache } from "./prompt-cache.ts";

interface Thing {
  readonly name: string;
  readonly sizeBytes: number;
}

const thing = async (name: string): Promise<Thing> => ({ name, sizeBytes: 10 });

async function touch(cache: PromptCache<Thing>, ...names: string[]): Promise<void> {
  for (const name of names) (await cache.acquire(name)).release();
}

describe("PromptCache", () => {
  it("evicts the least recently used by bytes", async () => {
    const loads: string[] = [];
    const cache = new PromptCache((name) => {
      loads.push(name);
      return thing(name);
    }, 30);
    await touch(cache, "a", "b", "c", "a", "d");
    expect(cache.stats()).toEqual({ entries: 3, bytes: 30, hits: 1, loads: 4, evictions: 1 });
    await touch(cache, "a", "c", "d", "b");
    expect(loads).toEqual(["a", "b", "c", "d", "b"]);
  });

  it("counts bytes, not entries", async () => {
    const sizes = new Map([
      ["large", 25],
      ["small", 4],
    ]);
    const cache = new PromptCache(async (name) => ({ name, sizeBytes: sizes.get(name) ?? 2 }), 30);
    await touch(cache, "large", "small", "x");
    expect(cache.stats()).toMatchObject({ entries: 2, bytes: 6, evictions: 1 });
  });

  it("loads once for all who wait", async () => {
    let loads = 0;
    const gate = Promise.withResolvers<void>();
    const cache = new PromptCache(async (name) => {
      loads++;
      await gate.promise;
      return thing(name);
    }, 100);
    const waiting = Array.from({ length: 50 }, () => cache.acquire("a"));
    gate.resolve();
    const leases = await Promise.all(waiting);
    expect(loads).toBe(1);
    expect(new Set(leases.map(({ value }) => value)).size).toBe(1);
  });

  // vllm#47724: loading others evicted the adapter of a running request.
  it("keeps what is in use while 50 others pass through two slots", async () => {
    const loads: string[] = [];
    const cache = new PromptCache((name) => {
      loads.push(name);
      return thing(name);
    }, 20);
    const [a, b] = [await cache.acquire("a"), await cache.acquire("b")];
    await touch(cache, ...Array.from({ length: 50 }, (_, at) => `other ${at}`));
    const again = await cache.acquire("a");
    expect(again.value).toBe(a.value);
    expect(loads.filter((name) => name === "a" || name === "b")).toEqual(["a", "b"]);
    expect(cache.stats()).toMatchObject({ entries: 2, bytes: 20, evictions: 50 });
    for (const lease of [a, b, again]) lease.release();
    await touch(cache, "c");
    expect(cache.stats()).toMatchObject({ entries: 2, bytes: 20 });
  });

  it("keeps what two use until both have ended, whoever releases twice", async () => {
    const cache = new PromptCache(thing, 10);
    const [first, second] = [await cache.acquire("a"), await cache.acquire("a")];
    first.release();
    first.release();
    await touch(cache, "b");
    expect((await cache.acquire("a")).value).toBe(second.value);
  });

  it("serves a value larger than the whole budget and forgets it afterwards", async () => {
    const cache = new PromptCache(thing, 5);
    const lease = await cache.acquire("a");
    expect(lease.value.name).toBe("a");
    lease.release();
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0, evictions: 1 });
  });

  // gateway-api-inference-extension#584: one bad adapter blocked the rest.
  it("does not let a corrupt or hanging prompt hold up another's load, and tries again", async () => {
    let attempts = 0;
    const hanging = new Promise<Thing>(() => {});
    const cache = new PromptCache(async (name) => {
      if (name === "hanging") return hanging;
      if (name === "corrupt" && ++attempts === 1) throw new Error("not a prompt");
      return thing(name);
    }, 100);
    void cache.acquire("hanging");
    const both = [cache.acquire("corrupt"), cache.acquire("corrupt")];
    await touch(cache, "good");
    for (const one of both) await expect(one).rejects.toThrow("not a prompt");
    expect(attempts).toBe(1);
    await touch(cache, "corrupt");
    expect(attempts).toBe(2);
    expect(cache.stats()).toMatchObject({ bytes: 20, loads: 4 });
  });

  it("holds its account over a thousand mixed uses", async () => {
    const cache = new PromptCache(async (name) => ({ name, sizeBytes: 1 + (name.length % 7) }), 40);
    const open: { release(): void }[] = [];
    for (let turn = 0; turn < 1000; turn++) {
      open.push(await cache.acquire("x".repeat(1 + ((turn * 7919) % 31))));
      if (turn % 3 !== 0) open.splice((turn * 31) % open.length, 1)[0]!.release();
      if (open.length > 5) open.shift()!.release();
    }
    for (const lease of open) lease.release();
    const { bytes, entries, loads, evictions } = cache.stats();
    expect(bytes).toBeLessThanOrEqual(40);
    expect(entries).toBe(loads - evictions);
  });

  it("forgets by name: what is held, in use or loading isn't given to anybody again", async () => {
    const arriving = Promise.withResolvers<Thing>();
    const loads: string[] = [];
    const cache = new PromptCache(async (name) => {
      loads.push(name);
      return name === "a/slow" && loads.filter((each) => each === name).length === 1
        ? arriving.promise
        : thing(name);
    }, 100);
    await touch(cache, "a/held", "b/held");
    const used = await cache.acquire("a/used");
    const slow = cache.acquire("a/slow");
    cache.forget((name) => name.startsWith("a/"));
    arriving.resolve(await thing("a/slow"));
    expect((await slow).value.name).toBe("a/slow");
    expect(used.value.name).toBe("a/used");
    used.release();
    expect(cache.stats()).toMatchObject({ entries: 1, bytes: 10 });
    await touch(cache, "a/held", "a/used", "a/slow", "b/held");
    expect(loads.filter((name) => name.startsWith("a/"))).toHaveLength(6);
    expect(loads.filter((name) => name.startsWith("b/"))).toHaveLength(1);
  });

  it("disposes of what nobody gets any more, once, when its last user has let go", async () => {
    const disposed: string[] = [];
    const cache = new PromptCache(thing, 20, ({ name }) => disposed.push(name));
    const [first, again] = [await cache.acquire("used"), await cache.acquire("used")];
    await touch(cache, "one", "two");
    expect(disposed).toEqual(["one"]);
    cache.forget(() => true);
    expect(disposed).toEqual(["one", "two"]);
    first.release();
    first.release();
    expect(disposed).toEqual(["one", "two"]);
    again.release();
    expect(disposed).toEqual(["one", "two", "used"]);
  });
});
