import { Kilotune, type KilotuneOptions } from "@kilotune/sdk";
import type { Terminal } from "../terminal/terminal.ts";
import { readCredentials } from "./credentials.ts";

/** A client of the server that is logged in to. @throws KilotuneError as readCredentials does */
export async function openService(
  { io }: Terminal,
  options: Pick<KilotuneOptions, "fetch"> = {},
): Promise<Kilotune> {
  const { url, apiKey } = await readCredentials(io.environment);
  return new Kilotune({ baseURL: url, apiKey, ...options });
}
