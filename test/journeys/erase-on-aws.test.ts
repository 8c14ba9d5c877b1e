import { setTimeout } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { classify, clientOf, eventsOf } from "./calls.ts";
import { deleteInTheMiddle, fill, NEIGHBOUR, WORD } from "./erase-story.ts";
import { makeEverything } from "./everything.ts";
import { openPlaceOnAws, type PlaceOnAws } from "./place-on-aws.ts";
import { placesOf, scanAws } from "./scan-aws.ts";

/** A tenant whose things lie in DynamoDB and S3 deletes itself: table and bucket know nothing of it any more. */

const opened = await openPlaceOnAws();
afterAll(() => opened?.[Symbol.asyncDispose]());

it.skipIf(opened === undefined)(
  "deletes itself in the middle of jobs, batches and calls, and leaves no byte in table and bucket",
  async () => {
    const place = opened as PlaceOnAws;
    const neighbour = clientOf(place, await place.newTenant(NEIGHBOUR));
    const theirs = await makeEverything(neighbour, NEIGHBOUR);
    const key = await place.newTenant(`${WORD} Ltd`);
    const client = clientOf(place, key);
    const { all, words } = await fill(client, key);

    // The scan finds what is there: each word somewhere, in records and blobs.
    for (const word of words) expect(await scanAws(place.store, [word])).not.toEqual([]);
    const kinds = new Set((await scanAws(place.store, words)).map((where) => where.split(" ")[0]));
    expect(kinds).toEqual(new Set(["table", "bucket"]));
    const before = await placesOf(place.store, theirs.tenant);
    expect(before.length).toBeGreaterThan(20);

    await deleteInTheMiddle(client, all);
    expect(await scanAws(place.store, words)).toEqual([]);
    expect(await placesOf(place.store, all.tenant)).toEqual([]);
    await expect(client.models.list()).rejects.toMatchObject({ status: 401 });
    // Nothing that was under way writes it again.
    await setTimeout(2500);
    expect(await scanAws(place.store, words)).toEqual([]);
    expect(await placesOf(place.store, all.tenant)).toEqual([]);
    expect(place.log.filter((line) => line.includes(WORD) || line.includes('"level":"error"'))).toEqual([]);

    expect(await placesOf(place.store, theirs.tenant)).toEqual(expect.arrayContaining(before));
    expect((await classify(neighbour, theirs.alias, "late")).model).toBe(theirs.model);
    expect((await eventsOf(neighbour, theirs.job)).length).toBeGreaterThan(3);
  },
  120_000,
);
