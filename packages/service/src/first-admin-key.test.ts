import { PLATFORM } from "@kilotune/contract";
import { expect, it } from "vitest";
import { authenticate } from "./authenticate.ts";
import { adoptFirstAdminKey, newFirstAdminKey } from "./first-admin-key.ts";
import { listKeys, revokeKey } from "./keys.ts";
import { testService } from "./testing.ts";

it("is an admin key, once, and stays revoked", async () => {
  const service = testService();
  const { secret, sha256 } = newFirstAdminKey();
  await expect(authenticate(service, secret)).rejects.toMatchObject({ code: "invalid_api_key" });
  await Promise.all([1, 2, 3].map(() => adoptFirstAdminKey(service, sha256)));
  const { key, tenant } = await authenticate(service, secret);
  expect([tenant, key.scopes]).toEqual([PLATFORM, ["admin"]]);
  expect((await listKeys(service, PLATFORM)).data).toHaveLength(1);

  await revokeKey(service, PLATFORM, key.id);
  await adoptFirstAdminKey(service, sha256);
  await expect(authenticate(service, secret)).rejects.toMatchObject({ code: "invalid_api_key" });
  const next = newFirstAdminKey();
  await adoptFirstAdminKey(service, next.sha256);
  expect((await authenticate(service, next.secret)).key.id).not.toBe(key.id);
});
