import { createHash, timingSafeEqual } from "node:crypto";
import { idOf, type KeyId, PLATFORM, type TenantId, ulidOf } from "@kilotune/contract";
import type { Service } from "./context.ts";
import { randomOf } from "./new-id.ts";

/** `kt_<tenant>.<key>_<secret>`: names where to look, so that no index over all tenants' keys is needed. */
export interface SecretParts {
  readonly tenant: TenantId;
  readonly key: KeyId;
  /** Of the last part. */
  readonly sha256: Buffer;
}

export function newSecret(service: Service, tenant: TenantId, key: KeyId) {
  const secret = Buffer.from(randomOf(service, 32)).toString("base64url");
  return {
    secret: keyText(tenant, key, secret),
    sha256: hashOfSecret(secret).toString("hex"),
  };
}

/** `secret`: its last part. */
export function keyText(tenant: TenantId, key: KeyId, secret: string): string {
  return `kt_${tenant.slice(TENANT_PREFIX.length)}.${ulidOf(key)}_${secret}`;
}

/** undefined where it isn't of the form; that much is told by its letters alone. */
export function parseSecret(text: string): SecretParts | undefined {
  const [, tenant, key, secret] = SECRET.exec(text) ?? [];
  if (tenant === undefined || key === undefined || secret === undefined) return undefined;
  return {
    tenant: `${TENANT_PREFIX}${tenant}` as TenantId,
    key: idOf("key", key),
    sha256: hashOfSecret(secret),
  };
}

/** In constant time, where there is no key as well. A plain hash suffices: nobody guesses 256 random bits. */
export function isSecretOf(stored: string | undefined, { sha256 }: SecretParts): boolean {
  const same = timingSafeEqual(sha256, stored === undefined ? NO_HASH : Buffer.from(stored, "hex"));
  return same && stored !== undefined;
}

export const hashOfSecret = (secret: string) => createHash("sha256").update(secret).digest();

const TENANT_PREFIX = "tn-";
const SECRET = new RegExp(
  `^kt_([a-z]{16}|${PLATFORM.slice(TENANT_PREFIX.length)})\\.([0-7][0-9a-hjkmnp-tv-z]{25})_([A-Za-z0-9_-]{43})$`,
);
const NO_HASH = Buffer.alloc(32);
