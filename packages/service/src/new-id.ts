import { randomBytes } from "node:crypto";
import type { TenantId } from "@kilotune/contract";
import { monotonicFactory, type ULIDFactory } from "ulid";
import type { Service } from "./context.ts";

/** The letters of a time-ordered id. Never goes back, even where the clock does. */
export function newUlid(service: Service): string {
  let factory = factories.get(service.records);
  if (factory === undefined) {
    factory = monotonicFactory(() => Buffer.from(randomOf(service, 4)).readUInt32LE() / 2 ** 32);
    factories.set(service.records, factory);
  }
  return factory(service.clock.now().getTime()).toLowerCase();
}

export function newTenantId(service: Service): TenantId {
  return `tn-${newLetters(service, 16)}` as TenantId;
}

/** a-z, each with the same probability. */
export function newLetters(service: Service, count: number): string {
  let letters = "";
  while (letters.length < count)
    for (const byte of randomOf(service, count))
      if (byte < EVEN && letters.length < count) letters += String.fromCharCode(97 + (byte % 26));
  return letters;
}

export function randomOf({ random = randomBytes }: Service, bytes: number): Uint8Array {
  return random(bytes);
}

/** By the store, which a request's own copy of the service shares. */
const factories = new WeakMap<Service["records"], ULIDFactory>();
/** Bytes from here on would make the first letters likelier. */
const EVEN = 26 * 9;
