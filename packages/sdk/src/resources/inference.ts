import type { EmbeddingsRequest, EmbeddingsResponse } from "@kilotune/contract/wire";
import type { RequestOptions, Transport } from "../http/transport.ts";

export type EmbeddingsCall = Omit<EmbeddingsRequest, "encoding_format">;

/** The API's answer with its vectors as numbers. */
export type Embeddings = Omit<EmbeddingsResponse, "data"> & {
  readonly data: readonly (Omit<EmbeddingsResponse["data"][number], "embedding"> & {
    readonly embedding: readonly number[];
  })[];
};

/** Asks for base64, a quarter of the same numbers in decimals. */
export async function embed(
  api: Transport,
  body: EmbeddingsCall,
  options?: RequestOptions,
): Promise<Embeddings> {
  const call = {
    method: "POST",
    path: "/v1/embeddings",
    body: { ...body, encoding_format: "base64" },
  } as const;
  const { data, ...rest } = await api.json<EmbeddingsResponse>(call, options);
  return { ...rest, data: data.map((row) => ({ ...row, embedding: numbersOf(row.embedding) })) };
}

/** Of little-endian float32, whatever this machine's order is. */
function numbersOf(embedding: string | readonly number[]): readonly number[] {
  if (typeof embedding !== "string") return embedding;
  const bytes = Uint8Array.from(atob(embedding), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length >> 2 }, (_, at) => view.getFloat32(4 * at, true));
}
