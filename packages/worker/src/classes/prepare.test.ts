import type { Backbone } from "@kilotune/backbone";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openFrozenSessions } from "./prepare.ts";
import { openTiny } from "../testing.ts";

let tiny: TinyBackbone;
beforeAll(async () => {
  tiny = await openTiny();
});
afterAll(() => tiny[Symbol.asyncDispose]());

it("sessions that opened are released where a later one doesn't", async () => {
  let open = 0;
  const failing: Backbone = {
    ...tiny.backbone,
    async open(spec) {
      const session = await tiny.backbone.open(spec);
      open++;
      const release = async () => {
        open--;
        await session.release();
      };
      return { ...session, release };
    },
    openGraph: () => Promise.reject(new Error("no memory")),
  };
  await expect(openFrozenSessions(failing, 1)).rejects.toThrow("no memory");
  expect(open).toBe(0);
});
