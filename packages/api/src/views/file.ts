import type { FileObject } from "@kilotune/contract/wire";
import type { File } from "@kilotune/service";

export function fileView({ id, bytes, createdAt, expiresAt, filename, purpose }: File): FileObject {
  return {
    id,
    object: "file",
    bytes,
    created_at: createdAt,
    ...(expiresAt === null ? {} : { expires_at: expiresAt }),
    filename,
    purpose,
    status: "processed",
  };
}
