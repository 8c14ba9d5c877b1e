/**
 * A response's body that is never waited for in vain: `abort` is called where no piece comes for `stallMs`, and what
 * ends it early is `translated`. A reader that stops cancels the request.
 */
export function steadyBody(
  { body }: Response,
  stallMs: number,
  abort: () => void,
  translated: (error: unknown) => unknown,
): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  if (body === null) return null;
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        const timer = setTimeout(abort, stallMs);
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(translated(error));
        } finally {
          clearTimeout(timer);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // Reads what is asked for and no more: a piece read ahead would start the clock for nobody.
    { highWaterMark: 0 },
  );
}
