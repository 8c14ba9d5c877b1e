import type {
  ClassifyResponse,
  DetectResponse,
  EstimateRequest,
  EstimateResponse,
  SegmentResponse,
  TagRequest,
  TagResponse,
  UsageList,
  UsageQuery,
} from "@kilotune/contract/wire";
import { type RequestOptions, Transport, type TransportOptions } from "./http/transport.ts";
import { Admin } from "./resources/admin.ts";
import { Aliases } from "./resources/aliases.ts";
import { Batches } from "./resources/batches.ts";
import { Files } from "./resources/files.ts";
import { type Embeddings, type EmbeddingsCall, embed } from "./resources/inference.ts";
import { type ClassifyCall, type DetectCall, type SegmentCall, withImages } from "./resources/images.ts";
import { Jobs } from "./resources/jobs.ts";
import { Keys } from "./resources/keys.ts";
import { Models } from "./resources/models.ts";
import { Prompts } from "./resources/prompts.ts";
import { Tenant } from "./resources/tenant.ts";
import { Uploads } from "./resources/uploads.ts";
import { Webhook } from "./resources/webhook.ts";

export type KilotuneOptions = TransportOptions;

/**
 * A client of one server with one key.
 *
 * @example const kilotune = new Kilotune({ baseURL: "http://127.0.0.1:8787", apiKey: "kt_.." });
 */
export class Kilotune {
  readonly files: Files;
  readonly uploads: Uploads;
  readonly jobs: Jobs;
  readonly models: Models;
  readonly aliases: Aliases;
  readonly prompts: Prompts;
  readonly batches: Batches;
  /** Your own; of another tenant: `admin.tenants.keys(id)`. */
  readonly keys: Keys;
  readonly tenant: Tenant;
  readonly webhook: Webhook;
  /** For a key of the platform's own. */
  readonly admin: Admin;
  readonly #api: Transport;

  /** @throws KilotuneError of kind "usage" where address or key can't be one */
  constructor(options: KilotuneOptions) {
    const api = new Transport(options);
    this.#api = api;
    this.files = new Files(api);
    this.uploads = new Uploads(api);
    this.jobs = new Jobs(api);
    this.models = new Models(api);
    this.aliases = new Aliases(api);
    this.prompts = new Prompts(api);
    this.batches = new Batches(api);
    this.keys = new Keys(api, "/v1/keys");
    this.tenant = new Tenant(api);
    this.webhook = new Webhook(api);
    this.admin = new Admin(api);
  }

  /**
   * Labels for one text or up to 2,048, or for up to 16 images, in their order, by a tuned model or an alias.
   *
   * @example const { data } = await kilotune.classify({ model: "support", input: "Where is my parcel?" });
   */
  classify(call: ClassifyCall, options?: RequestOptions): Promise<ClassifyResponse> {
    return this.#ask("/v1/classify", call, options);
  }

  /**
   * A number for one text or up to 2,048, in their order, by a model tuned for regression.
   *
   * @example const { data } = await kilotune.estimate({ model: "urgency", input: "My card is gone!" });
   */
  estimate(call: EstimateRequest, options?: RequestOptions): Promise<EstimateResponse> {
    return this.#ask("/v1/estimate", call, options);
  }

  /**
   * Named spans in one text or up to 2,048, in their order, by a model tuned for tagging: `text.slice(start, end)`.
   *
   * @example const { data } = await kilotune.tag({ model: "orders", input: "Send it to Kyoto by Friday" });
   */
  tag(call: TagRequest, options?: RequestOptions): Promise<TagResponse> {
    return this.#ask("/v1/tag", call, options);
  }

  /**
   * A class for each pixel of up to 16 images: a PNG in base64 whose levels are places in `classes`, COCO's runs or polygons.
   *
   * @example const { data } = await kilotune.segment({ model: "membrane", images: [blob], format: "rle" });
   */
  segment(call: SegmentCall, options?: RequestOptions): Promise<SegmentResponse> {
    return this.#ask("/v1/segment", call, options);
  }

  /**
   * Objects in up to 16 images, boxes in pixels of the upright original.
   *
   * @example const { data } = await kilotune.detect({ model: "cells", images: [blob], threshold: 0.5 });
   */
  detect(call: DetectCall, options?: RequestOptions): Promise<DetectResponse> {
    return this.#ask("/v1/detect", call, options);
  }

  async #ask<Answer>(path: string, call: object, options?: RequestOptions): Promise<Answer> {
    return this.#api.json({ method: "POST", path, body: await withImages(call) }, options);
  }

  /**
   * Sentence vectors of length one, in the order of the texts.
   *
   * @example const { data } = await kilotune.embeddings({ model: "minilm-l6", input: ["one", "two"] });
   */
  embeddings(body: EmbeddingsCall, options?: RequestOptions): Promise<Embeddings> {
    return embed(this.#api, body, options);
  }

  /** Requests, tokens, images and tuning time by UTC day and model; the last 30 days unless told. */
  usage(query: UsageQuery = {}, options?: RequestOptions): Promise<UsageList> {
    return this.#api.json({ method: "GET", path: "/v1/usage", query }, options);
  }
}
