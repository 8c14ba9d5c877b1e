import { z } from "zod";
import { ExpiresAfter, FileName, FileObject, MAX_FILE_BYTES, UploadPurpose } from "./files.ts";
import { Count, GivenId, Id, line, UnixSeconds } from "./values.ts";

export const MAX_PART_BYTES = 64 * 2 ** 20;

export const UploadCreate = z
  .strictObject({
    bytes: z.int().min(1).max(MAX_FILE_BYTES),
    filename: FileName,
    mime_type: line(255),
    purpose: UploadPurpose,
    expires_after: ExpiresAfter.optional(),
  })
  .meta({ id: "UploadCreate" });
export type UploadCreate = z.infer<typeof UploadCreate>;

export const UploadComplete = z
  .strictObject({
    part_ids: z.array(GivenId).min(1).max(10_000),
    md5: z
      .string()
      .regex(/^[0-9a-f]{32}$/i)
      .optional(),
  })
  .meta({ id: "UploadComplete" });
export type UploadComplete = z.infer<typeof UploadComplete>;

export const UploadObject = z
  .object({
    id: Id,
    object: z.literal("upload"),
    bytes: Count,
    created_at: UnixSeconds,
    expires_at: UnixSeconds,
    filename: z.string(),
    purpose: UploadPurpose,
    status: z.enum(["pending", "completed", "cancelled", "expired"]),
    file: FileObject.nullable(),
  })
  .meta({ id: "Upload" });
export type UploadObject = z.infer<typeof UploadObject>;

export const UploadPartObject = z
  .object({ id: Id, object: z.literal("upload.part"), created_at: UnixSeconds, upload_id: Id })
  .meta({ id: "UploadPart" });
export type UploadPartObject = z.infer<typeof UploadPartObject>;
