import { boxToFrame, boxToImage, IMAGENET, type Preprocessing, prepareImage } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node"; // in a browser: createCanvasCodec of @kilotune/image/browser

const SPEC: Preprocessing = {
  width: 224,
  height: 224,
  fit: { kind: "letterbox" },
  kernel: "cubic",
  background: [114, 114, 114],
  ...IMAGENET,
};

export async function look(file: Uint8Array) {
  const { tensor, placement } = await prepareImage(createSharpCodec(), file, SPEC); // [3, 224, 224]
  const box = boxToFrame([10, 20, 110, 220], placement); // pixels of the upright image -> of the tensor
  return { tensor, box, back: box && boxToImage(box, placement) };
}
