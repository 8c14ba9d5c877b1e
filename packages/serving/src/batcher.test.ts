import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Batchable, Batcher } from "./batcher.ts";

interface Row extends Batchable {
  readonly name: string;
}

const row = (name: string, batchKey = "8", batchLimit = 4): Row => ({ name, batchKey, batchLimit });

/** Passes that stay open until they are let go, one after the other. */
function recorder() {
  const passes: string[][] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  let running = 0;
  const batcher = new Batcher<Row, string>(async (rows) => {
    expect(++running).toBe(1);
    expect(new Set(rows.map(({ batchKey }) => batchKey)).size).toBe(1);
    passes.push(rows.map(({ name }) => name));
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise.finally(() => running--);
    return rows.map(({ name }) => `${name}!`);
  }, 10);
  /** Ends the running pass and waits until the next one has begun, if there is one. */
  const next = async (error?: Error) => {
    const gate = gates.shift();
    if (error === undefined) gate?.resolve();
    else gate?.reject(error);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { batcher, passes, next };
}

describe("Batcher", () => {
  it("runs calls of the same moment together, each with its own answers in order", async () => {
    const { batcher, passes, next } = recorder();
    const answers = Promise.all([batcher.run([row("a"), row("b")]), batcher.run([row("c")])]);
    await next();
    await next();
    expect(await answers).toEqual([["a!", "b!"], ["c!"]]);
    expect(passes).toEqual([["a", "c", "b"]]);
    expect(batcher.stats()).toEqual({ waiting: 0, passes: 1, rows: 3 });
  });

  it("lets rows queue up while a pass runs, and never mixes keys nor exceeds a limit", async () => {
    const { batcher, passes, next } = recorder();
    const first = batcher.run([row("first")]);
    await next();
    const rest = batcher.run(["a", "b", "c", "d", "e"].map((name) => row(name)));
    const long = batcher.run([row("long", "64", 1), row("longer", "64", 1)]);
    expect(batcher.stats().waiting).toBe(7);
    for (let turn = 0; turn < 6; turn++) await next();
    expect(await Promise.all([first, rest, long])).toEqual([
      ["first!"],
      ["a!", "b!", "c!", "d!", "e!"],
      ["long!", "longer!"],
    ]);
    expect(passes).toEqual([["first"], ["a", "b", "c", "d"], ["long"], ["e"], ["longer"]]);
  });

  it("leaves a row alone that is to be alone, whoever leads (it went along with a call of a higher limit)", async () => {
    const { batcher, passes, next } = recorder();
    const calls = [
      batcher.run([row("a"), row("b")]),
      batcher.run([row("alone", "8", 1), row("alone too", "8", 1)]),
      batcher.run([row("pair", "8", 2), row("other", "8", 2)]),
    ];
    for (let turn = 0; turn < 8; turn++) await next();
    expect((await Promise.all(calls)).flat()).toHaveLength(6);
    const limits = { alone: 1, "alone too": 1, pair: 2, other: 2 } as Record<string, number>;
    for (const pass of passes)
      expect(pass.length).toBeLessThanOrEqual(Math.min(...pass.map((name) => limits[name] ?? 4)));
  });

  it("does not let a call of many rows keep a short one waiting", async () => {
    const { batcher, passes, next } = recorder();
    const bulk = batcher.run(Array.from({ length: 40 }, (_, at) => row(`bulk ${at}`)));
    await next();
    const short = batcher.run([row("short", "16")]);
    const shared = batcher.run([row("shared")]);
    await next();
    await next();
    await next();
    expect(await short).toEqual(["short!"]);
    expect(await shared).toEqual(["shared!"]);
    expect(passes[1]).toContain("shared");
    expect(passes[2]).toEqual(["short"]);
    for (let turn = 0; turn < 10; turn++) await next();
    expect(await bulk).toHaveLength(40);
  });

  it("refuses calls beyond the limit as overloaded, and takes them again later", async () => {
    const { batcher, next } = recorder();
    const eight = [1, 2].map(() => batcher.run(["a", "b", "c", "d", "e"].map((name) => row(name))));
    const refused = batcher.run(["x", "y", "z"].map((name) => row(name)));
    await expect(refused).rejects.toMatchObject({ code: "overloaded", retryable: true });
    const fits = batcher.run([row("x"), row("y")]);
    for (let turn = 0; turn < 6; turn++) await next();
    await Promise.all([...eight, fits]);
    const later = batcher.run(["x", "y", "z"].map((name) => row(name)));
    await next();
    await next();
    expect(await later).toEqual(["x!", "y!", "z!"]);
  });

  it("takes a call of any size when it is idle", async () => {
    const batcher = new Batcher<Row, string>(async (rows) => rows.map(({ name }) => name), 2);
    const rows = Array.from({ length: 200_000 }, (_, at) => row(`${at}`, "8", 1000));
    const answers = await batcher.run(rows);
    expect(answers).toEqual(rows.map(({ name }) => name));
  });

  it("drops the waiting rows of an aborted call", async () => {
    const { batcher, passes, next } = recorder();
    const running = batcher.run([row("running")]);
    await next();
    const controller = new AbortController();
    const aborted = batcher.run([row("never"), row("either", "16")], controller.signal);
    const kept = batcher.run([row("kept")]);
    controller.abort(new Error("gone"));
    await expect(aborted).rejects.toThrow("gone");
    expect(batcher.stats().waiting).toBe(1);
    for (let turn = 0; turn < 3; turn++) await next();
    expect(await Promise.all([running, kept])).toEqual([["running!"], ["kept!"]]);
    expect(passes).toEqual([["running"], ["kept"]]);
    await expect(batcher.run([row("late")], controller.signal)).rejects.toThrow("gone");
  });

  it("answers an aborted call at once, in the middle of its pass", async () => {
    const { batcher, next } = recorder();
    const controller = new AbortController();
    const aborted = batcher.run([row("a")], controller.signal);
    const neighbour = batcher.run([row("b")]);
    await next();
    controller.abort(new Error("gone"));
    await expect(aborted).rejects.toThrow("gone");
    await next();
    expect(await neighbour).toEqual(["b!"]);
  });

  it("runs rows one by one when their pass fails, so that only the cause does", async () => {
    const passes: string[][] = [];
    const batcher = new Batcher<Row, string>(async (rows) => {
      passes.push(rows.map(({ name }) => name));
      if (rows.some(({ name }) => name === "bad")) throw new Error("bad row");
      return rows.map(({ name }) => `${name}!`);
    }, 10);
    const [good, bad, fine] = ["good", "bad", "fine"].map((name) => batcher.run([row(name)]));
    await expect(bad).rejects.toThrow("bad row");
    expect(await Promise.all([good, fine])).toEqual([["good!"], ["fine!"]]);
    expect(passes).toEqual([["good", "bad", "fine"], ["good"], ["bad"], ["fine"]]);
    expect(await batcher.run([row("after")])).toEqual(["after!"]);
  });

  it("answers no rows with no results", async () => {
    const { batcher } = recorder();
    expect(await batcher.run([])).toEqual([]);
  });

  // lorax#767: parallel requests polluted each other's answers.
  it("gives every caller its own answers in 1,000 random interleavings", async () => {
    const plan = fc.array(
      fc.record({
        rows: fc.array(fc.constantFrom("8", "16", "24"), { minLength: 1, maxLength: 6 }),
        delay: fc.nat(3),
        aborts: fc.option(fc.nat(3), { freq: 5 }),
      }),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(plan, fc.infiniteStream(fc.nat(2)), async (calls, pauses) => {
        const batcher = new Batcher<Row, string>(async (rows) => {
          for (let turn = pauses.next().value as number; turn > 0; turn--) await Promise.resolve();
          return rows.map(({ name }) => `${name}!`);
        }, 1000);
        const turns = async (count: number) => {
          for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
        };
        await Promise.all(
          calls.map(async ({ rows, delay, aborts }, call) => {
            await turns(delay);
            const controller = new AbortController();
            const names = rows.map((_, at) => `${call}.${at}`);
            const answer = batcher.run(
              names.map((name, at) => row(name, rows[at])),
              controller.signal,
            );
            if (aborts !== null) void turns(aborts).then(() => controller.abort("stopped"));
            const seen = await answer.catch((reason: unknown) => reason);
            if (seen !== "stopped") expect(seen).toEqual(names.map((name) => `${name}!`));
            else expect(aborts).not.toBeNull();
          }),
        );
        expect(batcher.stats().waiting).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it("lets a background call run only where no other waits, yet lets it end under steady load", async () => {
    const { batcher, passes, next } = recorder();
    const background = batcher.run([row("back1", "8", 1), row("back2", "8", 1)], undefined, {
      background: true,
    });
    const first = batcher.run([row("a")]);
    await next();
    const second = batcher.run([row("b")]);
    await next();
    expect(passes).toEqual([["a"], ["b"]]);
    let served = 2;
    while (!passes.flat().includes("back1")) {
      void batcher.run([row(`c${served++}`)]);
      await next();
    }
    expect(passes.map(([name]) => name).indexOf("back1")).toBe(31);
    for (let turn = 0; turn < 3; turn++) await next();
    expect(await Promise.all([background, first, second])).toEqual([["back1!", "back2!"], ["a!"], ["b!"]]);
  });

  it("doesn't count a background call into its queue, and takes out its rows when it is aborted", async () => {
    const { batcher, passes, next } = recorder();
    const many = (name: string) => Array.from({ length: 12 }, () => row(name, "8", 12));
    const running = batcher.run(many("front"));
    await next();
    const { signal, abort } = ((line) => ({ signal: line.signal, abort: () => line.abort() }))(
      new AbortController(),
    );
    const background = batcher.run(many("back"), signal, { background: true });
    await expect(batcher.run([row("late")])).rejects.toMatchObject({ code: "overloaded" });
    abort();
    await expect(background).rejects.toThrow();
    for (let turn = 0; turn < 2; turn++) await next();
    await running;
    expect(passes).toHaveLength(1);
    expect(batcher.stats().waiting).toBe(0);
  });
});
