import { z } from "zod";
import { pageOf } from "./page.ts";
import { Id, line, UnixSeconds } from "./values.ts";

export const TenantScope = z.enum(["infer", "tune", "read", "manage"]);
export type TenantScope = z.infer<typeof TenantScope>;

export const KeyCreate = z
  .strictObject({
    name: line(100).optional(),
    scopes: z.array(TenantScope).min(1).max(4).optional().meta({ description: "Default: all of them" }),
    expires_at: UnixSeconds.optional(),
  })
  .meta({ id: "KeyCreate" });
export type KeyCreate = z.infer<typeof KeyCreate>;

export const KeyRotate = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(30 * 86_400)
      .optional()
      .meta({ description: "How long the old key still works; default a day" }),
  })
  .meta({ id: "KeyRotate" });
export type KeyRotate = z.infer<typeof KeyRotate>;

export const KeyObject = z
  .object({
    id: Id,
    object: z.literal("key"),
    name: z.string(),
    scopes: z.array(z.enum([...TenantScope.options, "admin"])),
    created_at: UnixSeconds,
    expires_at: UnixSeconds.nullable(),
    revoked_at: UnixSeconds.nullable(),
    last_used_at: UnixSeconds.nullable(),
  })
  .meta({ id: "Key" });
export type KeyObject = z.infer<typeof KeyObject>;

export const KeyPage = pageOf(KeyObject).meta({ id: "KeyPage" });

/** The only answer that ever holds a secret: it isn't kept, so it can't be shown again. */
export const NewKey = KeyObject.extend({ secret: z.string() }).meta({ id: "NewKey" });
export type NewKey = z.infer<typeof NewKey>;
