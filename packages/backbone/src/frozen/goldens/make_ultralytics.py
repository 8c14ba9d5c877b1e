"""Writes two graphs shaped as Ultralytics exports its detectors, 640 x 640 pixels and 80 classes, with random weights of a few
channels: nobody else's weights or code are in them.

  ultralytics-11.onnx  output0 [1, 84, 8400]: of each anchor four sides (a softmax over bins, as in YOLOv8 and 11) and 80 scores
  ultralytics-26.onnx  output0 [1, 300, 6]: corners, score and class of the best 300 (no softmax, no suppression, as in YOLO26)

Batch norms are folded, batch 1, metadata as the exporter writes them.

    python make_ultralytics.py        (onnx 1.23, numpy)
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

here = Path(__file__).parent
SIZE, C, CLASSES, BINS = 640, 4, 80, 16
NAMES = {i: f"thing {i}" for i in range(CLASSES)} | {7: "baker's van", 8: 'a "sign"'}


class Graph:
    def __init__(self, seed):
        self.nodes, self.weights, self.random = [], [], np.random.default_rng(seed)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"/{len(self.nodes)}/{kind}_output_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, [*inputs], names, name=f"/{len(self.nodes)}/{kind}", **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value, kind=np.int64):
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(value, kind), name))
        return name

    def conv(self, x, i, o, k=1, s=1, silu=True):
        weight = self.constant(self.random.standard_normal((o, i, k, k)) / np.sqrt(i * k * k), np.float32)
        bias = self.constant(self.random.standard_normal(o) / 10, np.float32)
        pads = dict(kernel_shape=[k, k], strides=[s, s], pads=[k // 2] * 4, dilations=[1, 1], group=1)
        y = self.op("Conv", x, weight, bias, **pads)
        return self.op("Mul", y, self.op("Sigmoid", y)) if silu else y

    def c3k2(self, x, i):
        """Two halves, one of them through a residual block, all of them together."""
        a, b = self.op("Split", self.conv(x, i, C), self.constant([C // 2, C // 2]), outputs=2, axis=1)
        inner = self.op("Add", b, self.conv(self.conv(b, C // 2, C // 2, 3), C // 2, C // 2, 3))
        return self.conv(self.op("Concat", a, b, inner, axis=1), 3 * C // 2, C)

    def up(self, x):
        scales = self.constant([1, 1, 2, 2], np.float32)
        return self.op("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def levels(self):
        stem = self.conv(self.conv("images", 3, C, 3, 2), C, C, 3, 2)
        c3 = self.c3k2(self.conv(stem, C, C, 3, 2), C)
        c4 = self.c3k2(self.conv(c3, C, C, 3, 2), C)
        c5 = self.conv(self.c3k2(self.conv(c4, C, C, 3, 2), C), C, C)
        pools = [c5]
        for _ in range(3):
            pools.append(self.op("MaxPool", pools[-1], kernel_shape=[5, 5], strides=[1, 1], pads=[2, 2, 2, 2]))
        c5 = self.conv(self.op("Concat", *pools, axis=1), 4 * C, C)
        n4 = self.c3k2(self.op("Concat", self.up(c5), c4, axis=1), 2 * C)
        p3 = self.c3k2(self.op("Concat", self.up(n4), c3, axis=1), 2 * C)
        p4 = self.c3k2(self.op("Concat", self.conv(p3, C, C, 3, 2), n4, axis=1), 2 * C)
        p5 = self.c3k2(self.op("Concat", self.conv(p4, C, C, 3, 2), c5, axis=1), 2 * C)
        return p3, p4, p5

    def flat(self, x, channels):
        return self.op("Reshape", x, self.constant([1, channels, -1]))

    def heads(self, sides):
        boxes, scores = [], []
        for level in self.levels():
            boxes.append(self.flat(self.conv(self.conv(level, C, C, 3), C, sides, silu=False), sides))
            scores.append(self.flat(self.conv(self.conv(level, C, C, 3), C, CLASSES, silu=False), CLASSES))
        return self.op("Concat", *boxes, axis=2), self.op("Sigmoid", self.op("Concat", *scores, axis=2))

    def eleven(self):
        boxes, scores = self.heads(4 * BINS)
        bins = self.op("Transpose", self.op("Reshape", boxes, self.constant([1, 4, BINS, 8400])), perm=[0, 2, 1, 3])
        weight = self.constant(np.arange(BINS).reshape(1, BINS, 1, 1), np.float32)
        sides = self.op("Conv", self.op("Softmax", bins, axis=1), weight, kernel_shape=[1, 1])
        return self.op("Concat", self.op("Reshape", sides, self.constant([1, 4, 8400])), scores, axis=1)

    def twenty_six(self):
        boxes, scores = [self.op("Transpose", x, perm=[0, 2, 1]) for x in self.heads(4)]
        best = self.op("ReduceMax", scores, axes=[2], keepdims=0)
        _, place = self.op("TopK", best, self.constant([300]), outputs=2, axis=1)
        place = self.op("Unsqueeze", place, self.constant([2]))
        boxes = self.op("GatherElements", boxes, self.op("Tile", place, self.constant([1, 1, 4])), axis=1)
        scores = self.op("GatherElements", scores, self.op("Tile", place, self.constant([1, 1, CLASSES])), axis=1)
        flat = self.op("Reshape", scores, self.constant([1, -1]))
        score, place = self.op("TopK", flat, self.constant([300]), outputs=2, axis=1)
        classes = self.constant(CLASSES)
        row = self.op("Unsqueeze", self.op("Div", place, classes), self.constant([2]))
        boxes = self.op("GatherElements", boxes, self.op("Tile", row, self.constant([1, 1, 4])), axis=1)
        label = self.op("Cast", self.op("Unsqueeze", self.op("Mod", place, classes), self.constant([2])), to=TensorProto.FLOAT)
        return self.op("Concat", boxes, self.op("Unsqueeze", score, self.constant([2])), label, axis=2)


def write(name, seed, end, shape, version):
    graph = Graph(seed)
    graph.nodes.append(helper.make_node("Identity", [end(graph)], ["output0"], name="/end"))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "main_graph",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
            [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape)],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    helper.set_model_props(
        model,
        {
            "description": f"Ultralytics {version} model trained on nothing",
            "author": "Ultralytics",
            "license": "AGPL-3.0 License (https://ultralytics.com/license)",
            "stride": "32",
            "task": "detect",
            "batch": "1",
            "imgsz": f"[{SIZE}, {SIZE}]",
            "names": repr(NAMES),
        },
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, here / f"{name}.onnx")


write("ultralytics-11", 11, Graph.eleven, [1, 4 + CLASSES, 8400], "YOLO11n")
write("ultralytics-26", 26, Graph.twenty_six, [1, 300, 6], "YOLO26n")
