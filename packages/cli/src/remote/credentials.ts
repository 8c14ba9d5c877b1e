import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { printable } from "../terminal/printable.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Which server, and as whom. */
export interface Credentials {
  readonly url: string;
  readonly apiKey: string;
}

/** What `kilotune login` wrote: in `KILOTUNE_CONFIG`, else in kilotune's folder where the system keeps settings. */
export function credentialsFile(environment: Environment): string {
  const settings = environment.XDG_CONFIG_HOME || path.join(os.homedir(), ".config");
  return path.resolve(environment.KILOTUNE_CONFIG || path.join(settings, "kilotune"), "credentials.json");
}

/**
 * `KILOTUNE_URL` and `KILOTUNE_API_KEY` win over the file. A stored key goes to the server that it was stored for alone:
 * another address needs its own.
 *
 * @throws KilotuneError `not_logged_in` of kind "usage"; `bad_credentials`
 */
export async function readCredentials(environment: Environment): Promise<Credentials> {
  const { KILOTUNE_URL: url, KILOTUNE_API_KEY: apiKey } = environment;
  if (url && apiKey) return { url, apiKey };
  const stored = await readStored(credentialsFile(environment));
  if (stored === undefined) {
    const missing = [url ? "" : "KILOTUNE_URL", apiKey ? "" : "KILOTUNE_API_KEY"].filter(Boolean);
    throw notLoggedIn(`Expected a login, or ${missing.join(" and ")}; saw neither.`);
  }
  if (!apiKey && url && url !== stored.url) {
    throw notLoggedIn(`KILOTUNE_URL isn't the server of the login (${printable(stored.url, 200)}).`);
  }
  return { url: url || stored.url, apiKey: apiKey || stored.apiKey };
}

/** Readable by its owner alone, whatever was there before. */
export async function writeCredentials(environment: Environment, credentials: Credentials): Promise<string> {
  const file = credentialsFile(environment);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, `${JSON.stringify(credentials)}\n`, { flag: "wx", mode: 0o600 });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  return file;
}

async function readStored(file: string): Promise<Credentials | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { url, apiKey } = JSON.parse(text);
    if (typeof url === "string" && typeof apiKey === "string") return { url, apiKey };
  } catch {
    // JSON's own message would quote the key.
  }
  throw new KilotuneError(
    "bad_credentials",
    `${printable(file, 500)}: expected what kilotune login writes.`,
    LOGIN,
  );
}

function notLoggedIn(message: string): KilotuneError {
  return new KilotuneError("not_logged_in", message, LOGIN, { kind: "usage" });
}

const LOGIN = "Run kilotune login URL, or set KILOTUNE_URL and KILOTUNE_API_KEY.";
