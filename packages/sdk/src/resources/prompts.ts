import type { PromptObject } from "@kilotune/contract/wire";
import { asBlob, type Source } from "../http/as-blob.ts";
import { form } from "../http/form.ts";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";
import { ANY } from "./files.ts";

export interface PromptImport {
  readonly file: Source;
  /** A part of the model's name: letters, digits, `.`, `_` and `-`. */
  readonly suffix?: string;
}

export class Prompts {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /** The files behind your tuned models. */
  list(options?: RequestOptions): Listing<PromptObject> {
    return new Listing(this.#api, { path: "/v1/prompts" }, options);
  }

  /**
   * Makes a model of a prompt's file, as `download` gives it, of this server or another one with the same backbone. The same
   * file and suffix are the same model.
   *
   * @example const { model } = await kilotune.prompts.import({ file: await openAsBlob("desk.safetensors") });
   */
  async import({ file, suffix }: PromptImport, options?: RequestOptions): Promise<PromptObject> {
    const fields = suffix === undefined ? {} : { suffix };
    const body = form(fields, await asBlob(file), "prompt.safetensors");
    return this.#api.json({ method: "POST", path: "/v1/prompts", body, creates: true }, options);
  }

  /** A prompt (safetensors, some tens of KB), to run it elsewhere; its id is its SHA-256. */
  download(id: string, options?: RequestOptions): Promise<Response> {
    return this.#api.stream({ method: "GET", path: path`/v1/prompts/${id}/content`, headers: ANY }, options);
  }
}
