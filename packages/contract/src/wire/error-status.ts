import type { ErrorKind } from "../error.ts";

/**
 * Every code that an answer of the API can carry, with its HTTP status. A code that is missing here is a 400 where the
 * caller's input is to blame and a 500 where the machine is: never a reason to leak what happened.
 */
export const ERROR_STATUS = {
  invalid_request: 400,
  invalid_value: 400,
  invalid_json: 400,
  invalid_multipart: 400,
  invalid_training_file: 400,
  invalid_upload: 400,
  job_ended: 400,
  batch_ended: 400,
  no_previous_target: 400,
  backbone_mismatch: 400,
  prompt_too_long: 400,
  invalid_prompt: 400,
  unsupported_prompt_version: 400,
  unsupported_model: 400,
  unsupported_taps: 400,
  wrong_input: 400,
  wrong_task: 400,

  invalid_api_key: 401,
  insufficient_scope: 403,
  tenant_suspended: 403,

  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  busy: 409,
  file_in_use: 409,
  model_in_use: 409,
  already_made: 409,
  precondition_failed: 412,
  body_too_large: 413,
  file_too_large: 413,
  prompt_too_large: 413,
  unsupported_media_type: 415,
  unsupported_encoding: 415,
  images_too_large: 413,
  idempotency_key_reused: 422,
  /** Of images, whoever reads them. */
  image_empty: 422,
  image_too_many_bytes: 422,
  image_format: 422,
  image_too_large: 422,
  image_depth: 422,
  image_unreadable: 422,
  image_address: 422,
  image_data_url: 422,
  dicom_no_pixels: 422,
  dicom_frame: 422,
  dicom_pixels: 422,
  dicom_lut: 422,
  dicom_compression: 422,
  precondition_required: 428,

  rate_limit_exceeded: 429,
  overloaded: 429,
  exceeded_quota: 429,
  /** Nobody reads this one: the client has hung up. It is for logs and metrics. */
  client_closed: 499,

  internal_error: 500,
  non_finite: 500,
  bad_prompt: 500,
  prompt_hash: 500,
  prompt_damaged: 500,
  /** Of the store: these are ours to prevent, whoever is to blame by their kind. */
  bad_store_call: 500,
  not_a_counter: 500,
  record_too_large: 500,
  store_denied: 500,
  erasure_failed: 500,
  not_implemented: 501,
  closed: 503,
  inference_unavailable: 503,
  store_busy: 503,
  deadline_exceeded: 504,
  disk_full: 507,
} as const satisfies Readonly<Record<string, number>>;

export type ErrorCode = keyof typeof ERROR_STATUS;

export function statusOf(code: string, kind: ErrorKind): number {
  if (Object.hasOwn(ERROR_STATUS, code)) return ERROR_STATUS[code as ErrorCode];
  return kind === "machine" ? 500 : 400;
}

/** OpenAI's `type` of an error. */
export function errorType(status: number): string {
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}
