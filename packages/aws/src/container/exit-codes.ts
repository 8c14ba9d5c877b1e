/**
 * How the container ends, for AWS Batch: its retries go by the code alone. See infra/container/README.md.
 *
 * done: the state came to its end. The result is kept; or the job was cancelled, paused or erased; or it can't be done, and
 * its record says so. The state machine goes on, and each later state looks at the job's record for itself.
 */
export const EXIT = {
  done: 0,
  /** What nobody foresaw, and couldn't even be written into the job's record. */
  unforeseen: 1,
  /** Called wrongly, or in a wrong environment: another try ends as this one. */
  usage: 2,
  /** EX_TEMPFAIL of sysexits.h. The store is busy or not to be reached, the disk is full, the process that tuned has died. */
  tryAgain: 75,
  /** 128 + SIGTERM. This machine goes away; the checkpoint is kept, and any other goes on from there. */
  interrupted: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
