import http from "node:http";

/** A POST of JSON, ready to be sent many times. */
export interface Call {
  readonly path: string;
  readonly key: string;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Node's own client on lines that are kept: less of it than `fetch`, which takes as long as our whole server does. */
export function asker(url: string, connections: number): { ask(call: Call): Promise<Answer>; close(): void } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const { hostname, port } = new URL(url);
  return {
    ask: ({ path, key, body }) =>
      new Promise((resolve, reject) => {
        const headers = {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          "x-api-key": key,
        };
        const request = http.request({ agent, hostname, port, method: "POST", path, headers }, (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (part: string) => {
            text += part;
          });
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
          answer.on("error", reject);
        });
        request.on("error", reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}
