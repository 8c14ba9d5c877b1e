import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A line to a server, as bytes pass through it, that can be made to break. */
export interface Line extends AsyncDisposable {
  readonly url: string;
  /** The next request arrives and is answered, but of the answer no byte comes back. */
  loseNextAnswer(): void;
  /** The next connection breaks once so many bytes have passed towards the server. */
  breakAfter(bytes: number): void;
  /** Times that it has broken. */
  broken(): number;
}

export async function lineTo(url: string): Promise<Line> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  let losing = false;
  let left = Number.POSITIVE_INFINITY;
  let broken = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const cut = () => {
      near.destroy();
      far.destroy();
    };
    const breaks = () => {
      broken++;
      losing = false;
      left = Number.POSITIVE_INFINITY;
      cut();
    };
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", cut).on("close", () => {
        open.delete(socket);
        cut();
      });
    }
    near.on("data", (bytes) => {
      far.write(bytes.subarray(0, left));
      left -= bytes.length;
      // What has passed must arrive: the far end is closed in order.
      if (left <= 0) far.end(breaks);
    });
    far.on("data", (bytes) => (losing ? breaks() : near.write(bytes)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseNextAnswer: () => {
      losing = true;
    },
    breakAfter: (bytes) => {
      left = bytes;
    },
    broken: () => broken,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
