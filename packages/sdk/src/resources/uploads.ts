import type { UploadComplete, UploadCreate, UploadObject, UploadPartObject } from "@kilotune/contract/wire";
import { form } from "../http/form.ts";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";

/** A file in parts, for lines that break: a part is sent again, not the file. */
export class Uploads {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /** It has an hour. */
  create(body: UploadCreate, options?: RequestOptions): Promise<UploadObject> {
    return this.#api.json({ method: "POST", path: "/v1/uploads", body, creates: true }, options);
  }

  /** At most 64 MB, several at once and in any order. @example await kilotune.uploads.addPart(id, file.slice(0, 2 ** 26)); */
  addPart(id: string, part: Blob, options?: RequestOptions): Promise<UploadPartObject> {
    const body = form({}, part, "part", "data");
    return this.#api.json({ method: "POST", path: path`/v1/uploads/${id}/parts`, body }, options);
  }

  /** Joins the parts in the order named to a file, checked as any: a BadRequestError has all its bad lines. */
  complete(id: string, body: UploadComplete, options?: RequestOptions): Promise<UploadObject> {
    return this.#api.json({ method: "POST", path: path`/v1/uploads/${id}/complete`, body }, options);
  }

  cancel(id: string, options?: RequestOptions): Promise<UploadObject> {
    return this.#api.json({ method: "POST", path: path`/v1/uploads/${id}/cancel` }, options);
  }
}
