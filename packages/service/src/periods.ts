/** How long each kind of data is kept, in days. What isn't here stays until it is deleted. */
export const KEPT_DAYS = {
  audit: 730,
  usage: 400,
  jobEvents: 90,
  /** After a job has ended; its model stays. */
  checkpoints: 30,
  /** Where the answers of a batch lie until they are a file; a batch has a day. */
  batchPieces: 7,
  /** Undelivered. */
  webhookEvents: 4,
} as const;

/** A create that comes again: with an idempotency key, and without. The latter outlasts a client's timeout of 10 minutes. */
export const REPEAT_SECONDS = { withKey: 86_400, withoutKey: 900 } as const;
