/** How a create is recognised when it comes again. The same thing is answered, and none made. */
export interface Repeat {
  /** The `Idempotency-Key` header, where there was one. */
  readonly key?: string;
  /** Hash of what was asked for: route and body. */
  readonly body: string;
}
