import type {
  CheckpointObject,
  JobCreate,
  JobEventObject,
  JobObject,
  PageQuery,
} from "@kilotune/contract/wire";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";
import { type WatchOptions, watchJob } from "./watch-job.ts";

export type { WatchOptions };

export interface JobQuery extends PageQuery {
  /** Only jobs with all of these pairs. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export class Jobs {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /**
   * Tunes a backbone to a file.
   *
   * @example const job = await kilotune.jobs.create({ model: "minilm-l6", training_file: file.id });
   */
  create(body: JobCreate, options?: RequestOptions): Promise<JobObject> {
    return this.#api.json({ method: "POST", path: "/v1/fine_tuning/jobs", body, creates: true }, options);
  }

  get(id: string, options?: RequestOptions): Promise<JobObject> {
    return this.#api.json({ method: "GET", path: path`/v1/fine_tuning/jobs/${id}` }, options);
  }

  /** The newest first. */
  list({ metadata = {}, ...page }: JobQuery = {}, options?: RequestOptions): Listing<JobObject> {
    const filter = Object.entries(metadata).map(([key, value]) => [`metadata[${key}]`, value]);
    const query = { ...page, ...Object.fromEntries(filter) };
    return new Listing(this.#api, { path: "/v1/fine_tuning/jobs", query }, options);
  }

  /** Ends a job for good; no model comes of it. Again is no error. */
  cancel(id: string, options?: RequestOptions): Promise<JobObject> {
    return this.#api.json({ method: "POST", path: path`/v1/fine_tuning/jobs/${id}/cancel` }, options);
  }

  /** Stops a job at its next checkpoint. */
  pause(id: string, options?: RequestOptions): Promise<JobObject> {
    return this.#api.json({ method: "POST", path: path`/v1/fine_tuning/jobs/${id}/pause` }, options);
  }

  resume(id: string, options?: RequestOptions): Promise<JobObject> {
    return this.#api.json({ method: "POST", path: path`/v1/fine_tuning/jobs/${id}/resume` }, options);
  }

  /** What has been told so far, the newest first. */
  listEvents(id: string, query: PageQuery = {}, options?: RequestOptions): Listing<JobEventObject> {
    return new Listing(
      this.#api,
      { path: path`/v1/fine_tuning/jobs/${id}/events`, query: { ...query } },
      options,
    );
  }

  /** The newest first; each can be called as a model. */
  listCheckpoints(id: string, query: PageQuery = {}, options?: RequestOptions): Listing<CheckpointObject> {
    const route = path`/v1/fine_tuning/jobs/${id}/checkpoints`;
    return new Listing(this.#api, { path: route, query: { ...query } }, options);
  }

  /**
   * Events as they come, the oldest first, until the job has ended. Lines that are cut are taken up again where they
   * were: each event comes once. Leaving the loop hangs up; the job goes on.
   *
   * @example for await (const { message } of kilotune.jobs.watch(job.id)) console.log(message);
   */
  watch(id: string, options: WatchOptions = {}): AsyncGenerator<JobEventObject, void> {
    return watchJob(this.#api, path`/v1/fine_tuning/jobs/${id}/events`, options);
  }
}
