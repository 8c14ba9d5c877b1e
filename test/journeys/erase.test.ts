import { setTimeout } from "node:timers/promises";
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classify, clientOf, eventsOf } from "./calls.ts";
import { deleteInTheMiddle, fill, marked, NEIGHBOUR, newJob, WORD } from "./erase-story.ts";
import { type Everything, makeEverything } from "./everything.ts";
import { scanDisk } from "./scan-disk.ts";
import type { Served } from "./served.ts";
import { openTinyPlace, type TinyPlace } from "./tiny.ts";

/** A tenant that has one of everything, and much under way, deletes itself: the disk knows nothing of it any more. */

let place: TinyPlace;
let server: Served;
let log = "";
let neighbourKey: string;
let neighbour: OpenAI;
let theirs: Everything;
beforeAll(async () => {
  place = await openTinyPlace();
  server = await place.start("--jobs-at-once", "2");
  server.process.stderr?.on("data", (text) => {
    log += text;
  });
  neighbourKey = await place.newTenant(NEIGHBOUR);
  neighbour = clientOf(server, neighbourKey);
  theirs = await makeEverything(neighbour, NEIGHBOUR);
});
afterAll(() => place[Symbol.asyncDispose]());

it("deletes itself in the middle of jobs, uploads and calls, and leaves no byte", async () => {
  const key = await place.newTenant(`${WORD} Ltd`);
  const client = clientOf(server, key);
  const { all, words } = await fill(client, key);
  expect(new Set((await scanDisk(place.data, words)).map((line) => line.split("/")[0])).size).toBeGreaterThan(
    1,
  );
  await deleteInTheMiddle(client, all);
  expect(await scanDisk(place.data, words)).toEqual([]);
  await expect(client.models.list()).rejects.toMatchObject({ status: 401 });
  // Nothing that was under way writes it again.
  await setTimeout(2500);
  expect(await scanDisk(place.data, words)).toEqual([]);
  expect(log).toContain('"route":"/v1/tenant"');
  expect(log.split("\n").filter((line) => line.includes(WORD) || line.includes('"level":"error"'))).toEqual(
    [],
  );
}, 120_000);

it("leaves its neighbour all that it had, after a restart too", async () => {
  const check = async () => {
    expect((await neighbour.files.list()).data.map(({ id }) => id)).toContain(theirs.file);
    expect((await classify(neighbour, theirs.alias, "late")).model).toBe(theirs.model);
    expect((await eventsOf(neighbour, theirs.job)).length).toBeGreaterThan(3);
    expect(await scanDisk(place.data, [NEIGHBOUR])).not.toEqual([]);
    expect(await scanDisk(place.data, [WORD])).toEqual([]);
  };
  await check();
  expect(await server.stop()).toBe(0);
  expect(await scanDisk(place.data, [WORD])).toEqual([]);
  server = await place.start();
  neighbour = clientOf(server, neighbourKey);
  await check();
});

it("whose deletion a kill -9 cut off is gone after the next start", async () => {
  const key = await place.newTenant(`${WORD} Ltd`);
  const client = clientOf(server, key);
  await makeEverything(client, WORD);
  await newJob(client, marked(8));
  const deleting = client.delete("/tenant").catch(() => {});
  await setTimeout(Math.random() * 40);
  await server.kill();
  await deleting;
  server = await place.start();
  const again = clientOf(server, key);
  // Either it had begun, and a sweep ends it; or it hadn't, and is asked for anew.
  const status = await again.models.list().then(
    () => 200,
    (error: { status: number }) => error.status,
  );
  expect([200, 401]).toContain(status);
  if (status === 200) await again.delete("/tenant");
  await expect.poll(() => scanDisk(place.data, [WORD]), { timeout: 10_000 }).toEqual([]);
  await expect(again.models.list()).rejects.toMatchObject({ status: 401 });
});
