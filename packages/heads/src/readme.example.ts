import { differentiate, type Feeds, float32, GraphBuilder } from "@kilotune/engine";
import { openNodeSession } from "@kilotune/engine/node";
import {
  type DetectionSpec,
  decodeDetections,
  detectionHead,
  detectionTargets,
  detectionTensors,
  startHead,
} from "@kilotune/heads";

export async function look(spec: DetectionSpec, random: { normal(): number }, tokens: Float32Array) {
  const [R, C] = [spec.width * spec.height * spec.cellsPerPatch ** 2, spec.classes];
  const b = new GraphBuilder("detect"); // in earnest: backbone.openTuned(site, detectionHead(spec, [8]))
  const patches = b.input("patches", "float32", ["B", spec.width * spec.height, spec.hiddenSize]);
  const learnt = detectionHead(spec).add(b, { patches, taps: new Map() });
  const session = await openNodeSession(differentiate(b.build(), { loss: "loss", wrt: learnt }));

  const numbers = startHead(detectionTensors(spec), random);
  const { middles, elsewhere, sides, inside } = detectionTargets([{ label: 0, box: [3, 4, 30, 29] }], spec);
  const feeds: Feeds = {
    patches: float32(tokens, [1, spec.width * spec.height, spec.hiddenSize]),
    middles: float32(middles, [1, R, C]),
    elsewhere: float32(elsewhere, [1, R, C]),
    sides: float32(sides, [1, R, 4]),
    inside: float32(inside, [1, R]),
    scale: float32([1], []),
    ...Object.fromEntries(
      detectionTensors(spec).map(({ name, dims }) => [name, float32(numbers[name]!, dims)]),
    ),
  };
  const { output, ...gradients } = await session.run(feeds); // loss, grad.head.reduce.weight ..
  await session.release();
  return { found: decodeDetections(output!.data as Float32Array, spec, { threshold: 0.005 }), gradients };
}
