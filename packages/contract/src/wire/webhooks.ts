import { z } from "zod";
import { UnixSeconds } from "./values.ts";

export const WebhookPut = z
  .strictObject({
    url: z.url().max(2048).meta({
      description:
        "https, to a public address; to private ones, and by http there, where the server allows it",
    }),
  })
  .meta({ id: "WebhookPut" });

export const WebhookObject = z
  .object({ object: z.literal("webhook"), url: z.string(), created_at: UnixSeconds })
  .meta({ id: "Webhook" });
export type WebhookObject = z.infer<typeof WebhookObject>;

/** `secret` signs in Standard Webhooks form, and is shown this once. */
export const NewWebhook = WebhookObject.extend({ secret: z.string() }).meta({ id: "NewWebhook" });
export type NewWebhook = z.infer<typeof NewWebhook>;

export const WebhookDeleted = z
  .object({ object: z.literal("webhook"), deleted: z.literal(true) })
  .meta({ id: "WebhookDeleted" });
export type WebhookDeleted = z.infer<typeof WebhookDeleted>;
