import { z } from "zod";
import { OrderedPageQuery, pageOf } from "./page.ts";
import { Count, Id, line, UnixSeconds } from "./values.ts";

/** What a caller may upload for; the other purposes are of files that batches and jobs make. */
export const UploadPurpose = z.enum(["fine-tune", "batch", "vision", "user_data"]);
export const FilePurpose = z.enum([...UploadPurpose.options, "batch_output", "fine-tune-results"]);
export type UploadPurpose = z.infer<typeof UploadPurpose>;
export type FilePurpose = z.infer<typeof FilePurpose>;

/** Words for people only: paths of blobs are made by us. Slashes are refused, so that no client writes where it says. */
export const FileName = line(255).refine(
  (name) => !/[/\\]/.test(name) && name !== "." && name !== "..",
  "must be a file name without a folder",
);

export const MAX_FILE_BYTES = 512 * 2 ** 20;

export const ExpiresAfter = z.strictObject({
  anchor: z.literal("created_at"),
  seconds: z.int().min(3600).max(2_592_000),
});
export type ExpiresAfter = z.infer<typeof ExpiresAfter>;

export const FileObject = z
  .object({
    id: Id,
    object: z.literal("file"),
    bytes: Count,
    created_at: UnixSeconds,
    expires_at: UnixSeconds.optional(),
    filename: z.string(),
    purpose: FilePurpose,
    status: z
      .literal("processed")
      .meta({ description: "A file with errors is refused, so there is no other" }),
  })
  .meta({ id: "File" });
export type FileObject = z.infer<typeof FileObject>;

export const FileListQuery = OrderedPageQuery.extend({
  purpose: FilePurpose.optional(),
});

export const FilePage = pageOf(FileObject).meta({ id: "FilePage" });

export const FileDeleted = z
  .object({ id: Id, object: z.literal("file"), deleted: z.literal(true) })
  .meta({ id: "FileDeleted" });
export type FileDeleted = z.infer<typeof FileDeleted>;
