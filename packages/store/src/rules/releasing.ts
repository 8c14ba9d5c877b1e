/**
 * Chunks of something that must be let go: at the end, at an error, and where the reader stops, even before its first
 * chunk. A generator's `finally` would miss that last case.
 */
export function releasing(
  next: () => Promise<Uint8Array | undefined>,
  release: () => Promise<void>,
): AsyncIterable<Uint8Array> {
  let open = true;
  const close = async () => {
    if (open) {
      open = false;
      await release();
    }
    return { done: true, value: undefined } as const;
  };
  const iterator: AsyncIterator<Uint8Array, undefined> = {
    async next() {
      if (!open) return { done: true, value: undefined };
      try {
        const chunk = await next();
        if (chunk !== undefined) return { done: false, value: chunk };
      } catch (error) {
        await close();
        throw error;
      }
      return close();
    },
    return: close,
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
