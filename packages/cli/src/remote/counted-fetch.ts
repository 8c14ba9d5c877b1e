import { ReadableStream } from "node:stream/web";

/**
 * A `fetch` that tells how much of a Blob it has handed to the line so far, out of how much; from 0 again where the call is
 * tried again. The line takes no more than it can send, so what was handed over is at most a few buffers ahead.
 */
export function countedFetch(tell: (sentBytes: number, allBytes: number) => void): typeof fetch {
  return (input, init) =>
    fetch(input, init?.body instanceof Blob ? { ...init, body: counted(init.body, tell) } : init);
}

/** Still a Blob, so that its length is told beforehand; Node reads it by its `stream`. */
function counted(blob: Blob, tell: (sentBytes: number, allBytes: number) => void): Blob {
  const stream = () => {
    const reader = blob.stream().getReader();
    let sent = 0;
    let rest = new Uint8Array();
    tell(0, blob.size);
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (rest.length === 0) {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          rest = value;
        }
        // Bytes in memory come as one piece, however many.
        const piece = rest.subarray(0, PIECE_BYTES);
        rest = rest.subarray(PIECE_BYTES);
        sent += piece.length;
        tell(sent, blob.size);
        controller.enqueue(piece);
      },
      cancel: (reason) => reader.cancel(reason),
    });
  };
  const same = blob.slice(0, blob.size, blob.type);
  return Object.defineProperty(same, "stream", { value: stream });
}

const PIECE_BYTES = 65_536;
