import type { PromptObject } from "@kilotune/contract/wire";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";
import { ANY } from "./files.ts";

export class Prompts {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /** The files behind your tuned models. */
  list(options?: RequestOptions): Listing<PromptObject> {
    return new Listing(this.#api, { path: "/v1/prompts" }, options);
  }

  /** A prompt (safetensors, some tens of KB), to run it elsewhere; its id is its SHA-256. */
  download(id: string, options?: RequestOptions): Promise<Response> {
    return this.#api.stream({ method: "GET", path: path`/v1/prompts/${id}/content`, headers: ANY }, options);
  }
}
