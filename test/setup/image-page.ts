import { type Preprocessing, prepareImage } from "@kilotune/image";
import { createCanvasCodec } from "@kilotune/image/browser";

/** What a page makes of image files; see image-browser.test.ts. A tensor's numbers times 255, or the error's code. */
export async function look(names: readonly string[], specs: Record<string, Preprocessing>) {
  const codec = createCanvasCodec();
  const seen: Record<string, number[] | string> = {};
  for (const name of names) {
    const bytes = new Uint8Array(await (await fetch(`/files/${name}`)).arrayBuffer());
    for (const [kind, spec] of Object.entries(specs)) {
      seen[`${name} ${kind}`] = await prepareImage(codec, bytes, spec).then(
        ({ tensor }) => Array.from(tensor, (value) => Math.round(255 * value)),
        (error) => String(error.code ?? error.stack),
      );
    }
  }
  return seen;
}
