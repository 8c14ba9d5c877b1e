import { z } from "zod";
import { NewKey } from "./keys.ts";
import { pageOf } from "./page.ts";
import { Count, Id, line, UnixSeconds } from "./values.ts";

const Limits = {
  requests_per_minute: Count.max(1e9),
  tokens_per_minute: Count.max(1e12),
  jobs_at_once: Count.max(1e6),
  stored_bytes: Count.max(1e15),
  prompts: Count.max(1e9),
  tuning_hours_per_month: z.number().min(0).max(1e9),
};
const Overrides = z.strictObject(Limits).partial();

export const TenantCreate = z
  .strictObject({
    name: line(100),
    plan: line(32).optional().meta({ description: "Default `free`" }),
    limits: Overrides.optional().meta({ description: "What differs from the plan's" }),
  })
  .meta({ id: "TenantCreate" });
export type TenantCreate = z.infer<typeof TenantCreate>;

export const TenantUpdate = TenantCreate.partial()
  .extend({ status: z.enum(["active", "suspended"]).optional() })
  .meta({ id: "TenantUpdate" });
export type TenantUpdate = z.infer<typeof TenantUpdate>;

export const TenantObject = z
  .object({
    id: Id,
    object: z.literal("tenant"),
    name: z.string(),
    plan: z.string(),
    limits: z.object(Limits).meta({ description: "The plan's, with this tenant's overrides" }),
    status: z.enum(["active", "suspended", "erasing"]),
    created_at: UnixSeconds,
  })
  .meta({ id: "Tenant" });
export type TenantObject = z.infer<typeof TenantObject>;

export const TenantPage = pageOf(TenantObject).meta({ id: "TenantPage" });

export const TenantCreated = z.object({ tenant: TenantObject, key: NewKey }).meta({ id: "TenantCreated" });
export type TenantCreated = z.infer<typeof TenantCreated>;

/** The counts are what the platform's audit log keeps of it. */
export const TenantDeleted = z
  .object({
    id: Id,
    object: z.literal("tenant"),
    deleted: z.literal(true),
    records: Count,
    blobs: Count,
  })
  .meta({ id: "TenantDeleted" });
export type TenantDeleted = z.infer<typeof TenantDeleted>;
