import type { VisionBackbone } from "@kilotune/backbone";
import { outlineMask, maskOf } from "@kilotune/image/masks";
import { createSharpCodec } from "@kilotune/image/node";
import type { StoredPrompt } from "@kilotune/prompt";
import { createVisionPredictor } from "@kilotune/serving";

/** One image, three tasks: each switch is another small file, the backbone stays. */
export async function look(
  backbone: VisionBackbone,
  loadPrompt: (ref: string) => Promise<StoredPrompt>,
  image: Uint8Array,
) {
  const predictor = await createVisionPredictor({ backbone, loadPrompt, codec: createSharpCodec() });
  await predictor.prepare(["cells.boxes", "cells.mask", "cells.kind"]); // else the first image waits for it
  const [found] = await predictor.detect([{ image, prompt: "cells.boxes" }], { threshold: 0.3 });
  const [masks] = await predictor.segment([{ image, prompt: "cells.mask" }]);
  const [kind] = await predictor.classify([{ image, prompt: "cells.kind" }]);
  const { map, classes } = masks!;
  const outlines = classes.map((_, label) => outlineMask(maskOf(map, label), map.width, map.height));
  await predictor.close();
  return { boxes: found!.objects, classes, outlines, label: kind!.label };
}
