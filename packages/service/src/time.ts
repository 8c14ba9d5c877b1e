import type { Service, UnixSeconds } from "./context.ts";

export function nowSeconds(service: Service): UnixSeconds {
  return Math.floor(service.clock.now().getTime() / 1000);
}

export function inSeconds(service: Service, seconds: number): Date {
  return new Date(service.clock.now().getTime() + seconds * 1000);
}

/** `2026-11-25`, UTC. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

export const DAY_SECONDS = 86_400;
