import { z } from "zod";
import { PageQuery, pageOf } from "./page.ts";
import { GivenId, Id, UnixSeconds } from "./values.ts";

export const AuditQuery = PageQuery.extend({
  tenant: GivenId.optional().meta({ description: "Of this tenant; else the platform's own log" }),
});

export const AuditObject = z
  .object({
    id: Id,
    object: z.literal("audit.entry"),
    created_at: UnixSeconds,
    by: z.string().meta({ description: "A key's id, or `system`" }),
    action: z.string(),
    target: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "AuditEntry" });
export type AuditObject = z.infer<typeof AuditObject>;

export const AuditPage = pageOf(AuditObject).meta({ id: "AuditPage" });
