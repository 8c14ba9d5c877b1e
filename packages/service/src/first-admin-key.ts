import { createHash, randomBytes } from "node:crypto";
import { idOf, type KeyId, PLATFORM } from "@kilotune/contract";
import { audited } from "./audit.ts";
import type { Service } from "./context.ts";
import { isWritten } from "./fresh.ts";
import type { Key } from "./keys.ts";
import { KEYS } from "./kinds.ts";
import { hashOfSecret, keyText } from "./secret.ts";
import { nowSeconds } from "./time.ts";

/**
 * A first admin key for a deployment: made where the platform's people sit, who keep `secret` and give `sha256` to the
 * deployment. So the key itself is in no configuration, no state of a deployment tool and no log.
 */
export function newFirstAdminKey(): { readonly secret: string; readonly sha256: string } {
  const last = randomBytes(32).toString("base64url");
  const sha256 = hashOfSecret(last).toString("hex");
  return { secret: keyText(PLATFORM, firstKeyId(sha256), last), sha256 };
}

/**
 * Makes the key whose hash a deployment was given, once: revoked, it stays so. Another hash is another
 * key, for whoever lost theirs.
 */
export async function adoptFirstAdminKey(service: Service, sha256: string): Promise<void> {
  const id = firstKeyId(sha256);
  if ((await KEYS.read(service, PLATFORM, id)) !== undefined) return;
  const key: Key = {
    id,
    name: "admin",
    scopes: ["admin"],
    createdAt: nowSeconds(service),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  };
  // Not written: another process did it this moment.
  await isWritten(service, PLATFORM, [
    KEYS.put(id, { ...key, sha256 }, "absent"),
    audited(service, "key.created", id),
  ]);
}

/** Follows from the hash, so that both sides know it: 130 bits of another hash, as the letters of an id. */
function firstKeyId(sha256: string): KeyId {
  const bytes = createHash("sha256").update(`first admin key ${sha256}`).digest();
  const letters = Array.from({ length: 26 }, (_, at) => LETTERS[(bytes[at] as number) % 32]);
  // A time of long ago: ids end in the year 10889.
  return idOf("key", `0${letters.slice(1).join("")}`);
}

const LETTERS = "0123456789abcdefghjkmnpqrstvwxyz";
