import { KilotuneError } from "@kilotune/contract";
import type { JsonObject, RecordKey } from "../ports/records.ts";
import { badCall } from "./bad-call.ts";

/** Records that `add` works on: whole numbers and nothing else, since sums of those are exact in every order. */

type Numbers = Readonly<Record<string, number>>;

/** Letters first, so that none is `__proto__`. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/** @throws KilotuneError `bad_store_call` */
export function checkAmounts(amounts: Numbers, atMost: Numbers = {}): void {
  for (const [name, number] of [...Object.entries(amounts), ...Object.entries(atMost)]) {
    if (!NAME.test(name)) throw badCall("a number's name of letters, digits and _", name);
    if (!Number.isSafeInteger(number)) throw badCall(`a whole number as ${name}`, String(number));
  }
}

export function isCounter(value: JsonObject): value is Numbers {
  return Object.entries(value).every(([name, number]) => NAME.test(name) && Number.isSafeInteger(number));
}

export function notACounter(key: RecordKey): KilotuneError {
  return new KilotuneError(
    "not_a_counter",
    `expected a ${key.kind} that holds whole numbers only, saw other values`,
    "Keep what is counted in a record of its own.",
  );
}

/** All numbers afterwards; undefined where one would pass its limit. */
export function sumsOf(held: Numbers, amounts: Numbers, atMost: Numbers = {}): Numbers | undefined {
  const sums = new Map(Object.entries(held));
  for (const [name, amount] of Object.entries(amounts)) sums.set(name, (sums.get(name) ?? 0) + amount);
  const passes = Object.entries(atMost).some(([name, limit]) => (sums.get(name) ?? 0) > limit);
  return passes ? undefined : Object.fromEntries(sums);
}
