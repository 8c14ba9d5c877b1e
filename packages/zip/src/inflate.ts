import { isCodedError } from "@kilotune/contract";
import { damaged } from "./zip-error.ts";

/** Deflated bytes -> what they were, as fast as the reader takes them: a bomb fills no memory. */
export async function* inflated(packed: AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array, void> {
  const source = new ReadableStream<BufferSource>({
    async pull(controller) {
      const { done, value } = await packed.next();
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    async cancel() {
      await packed.return();
    },
  });
  const reader = source.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    // The inflater's own are TypeErrors.
    throw error instanceof TypeError && !isCodedError(error) ? damaged(error.message, error) : error;
  } finally {
    // Left early: nothing is inflated any more.
    await reader.cancel().catch(() => {});
  }
}
