import type {
  ExpiresAfter,
  FileDeleted,
  FileObject,
  FilePurpose,
  OrderedPageQuery,
  UploadPurpose,
} from "@kilotune/contract/wire";
import { asBlob, type Source } from "../http/as-blob.ts";
import { form } from "../http/form.ts";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";

export interface FileCreate {
  /**
   * A Blob is sent from where it lies: in Node `await openAsBlob("train.jsonl")` (node:fs) never holds the file in
   * memory. A stream is gathered first, since a retry must send it again.
   */
  readonly file: Source;
  /** Default: the File's own, else `data.jsonl`. By its ending a data set is read as CSV (`.csv`, `.tsv`) or as rows with images (`.zip`). */
  readonly filename?: string;
  readonly purpose: UploadPurpose;
  readonly expires_after?: ExpiresAfter;
}

export class Files {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /**
   * Uploads a file. One with bad lines is refused whole: a BadRequestError `invalid_training_file` whose `issues` are
   * all of them.
   *
   * @example const file = await kilotune.files.create({ file: new Blob([rows]), purpose: "fine-tune" });
   */
  async create(
    { file, filename, purpose, expires_after }: FileCreate,
    options?: RequestOptions,
  ): Promise<FileObject> {
    const blob = await asBlob(file);
    const name = filename ?? ("name" in blob ? String(blob.name) : "data.jsonl");
    const fields = {
      purpose,
      ...(expires_after !== undefined && {
        "expires_after[anchor]": expires_after.anchor,
        "expires_after[seconds]": String(expires_after.seconds),
      }),
    };
    const body = form(fields, blob, name);
    return this.#api.json({ method: "POST", path: "/v1/files", body, creates: true }, options);
  }

  /** The newest first unless told. @example for await (const { id } of kilotune.files.list()) console.log(id); */
  list(
    query: OrderedPageQuery & { readonly purpose?: FilePurpose } = {},
    options?: RequestOptions,
  ): Listing<FileObject> {
    return new Listing(this.#api, { path: "/v1/files", query: { ...query } }, options);
  }

  get(id: string, options?: RequestOptions): Promise<FileObject> {
    return this.#api.json({ method: "GET", path: path`/v1/files/${id}` }, options);
  }

  /** The bytes as they were sent, as they come. @example const text = await (await kilotune.files.content(id)).text(); */
  content(id: string, options?: RequestOptions): Promise<Response> {
    return this.#api.stream({ method: "GET", path: path`/v1/files/${id}/content`, headers: ANY }, options);
  }

  /** Refused (ConflictError) while a job reads it. */
  delete(id: string, options?: RequestOptions): Promise<FileDeleted> {
    return this.#api.json({ method: "DELETE", path: path`/v1/files/${id}` }, options);
  }
}

export const ANY = { accept: "*/*" };
