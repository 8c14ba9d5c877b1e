"""Makes tiny.onnx and tiny.weights with the reference implementation: pip install onnx numpy; python make.py

The weights stand in every form that ONNX has for them: raw_data, float_data, int64_data, int32_data and external data.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

here = Path(__file__).parent

kernel = np.array([[0.5, -1.0], [0.25, 2.0], [1.0, 0.0]], dtype=np.float32)
# 16 bytes of something else first, so that the offset matters.
(here / "tiny.weights").write_bytes(bytes(range(16)) + kernel.tobytes())
external = TensorProto(name="kernel", data_type=TensorProto.FLOAT, dims=kernel.shape)
external.data_location = TensorProto.EXTERNAL
for key, value in {"location": "tiny.weights", "offset": 16, "length": kernel.nbytes}.items():
    external.external_data.add(key=key, value=str(value))

graph = helper.make_graph(
    nodes=[
        helper.make_node("MatMul", ["x", "kernel"], ["projected"], name="project"),
        helper.make_node("Add", ["projected", "bias"], ["shifted"]),
        helper.make_node("LayerNormalization", ["shifted", "scale"], ["normed", "", "deviation"], axis=-1, epsilon=1e-12),
        helper.make_node("ReduceMean", ["normed", "axes"], ["mean"], keepdims=0),
        helper.make_node("Where", ["keep", "mean", "other"], ["picked"]),
        helper.make_node("Cast", ["half"], ["whole"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["picked", "whole"], ["y"]),
    ],
    name="tiny",
    inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", "S", 3])],
    outputs=[
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", "S"]),
        helper.make_tensor_value_info("deviation", TensorProto.FLOAT, ["B", "S", 1]),
    ],
    initializer=[
        external,
        numpy_helper.from_array(np.array([1.0, -1.0], dtype=np.float32), "bias"),
        helper.make_tensor("scale", TensorProto.FLOAT, [2], [2.0, 3.0]),
        helper.make_tensor("axes", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("keep", TensorProto.BOOL, [], [True]),
        helper.make_tensor("other", TensorProto.FLOAT, [], [9.0]),
        helper.make_tensor("half", TensorProto.FLOAT16, [1], [1.5]),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
onnx.save_model(model, here / "tiny.onnx")
onnx.checker.check_model(str(here / "tiny.onnx"), full_check=True)
