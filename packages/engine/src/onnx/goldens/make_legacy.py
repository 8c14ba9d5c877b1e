"""Writes legacy.onnx, a graph in the words of opset 14, as PyTorch's exporter wrote them: constants as nodes, axes as
attributes, a shape computed on the way to an Expand.

    python make_legacy.py        (onnx 1.22)
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

node = helper.make_node


def constant(name, value):
    return node("Constant", [], [name], value=numpy_helper.from_array(np.array(value)))


nodes = [
    constant("zero", np.int64(0)),
    constant("front", np.array([0], np.int64)),
    constant("token", np.array([[[1, -2]]], np.float32)),
    constant("wish", np.array([-1, -1], np.int64)),
    constant("half", np.float32(0.5)),
    constant("nine", np.float32(9)),
    constant("minus", np.int64(-1)),
    node("Shape", ["x"], ["shape"]),
    node("Gather", ["shape", "zero"], ["rows"], axis=0),
    node("Unsqueeze", ["rows", "front"], ["rows1"]),
    node("Concat", ["rows1", "wish"], ["wanted"], axis=0),
    node("Shape", ["wanted"], ["length"]),
    node("ConstantOfShape", ["length"], ["ones"], value=numpy_helper.from_array(np.array([1], np.int64))),
    node("Mul", ["ones", "minus"], ["minuses"]),
    node("Equal", ["wanted", "minuses"], ["open"]),
    node("Where", ["open", "ones", "wanted"], ["dims"]),
    node("Expand", ["token", "dims"], ["tokens"]),
    node("GlobalAveragePool", ["x"], ["pooled"]),
    node("Flatten", ["pooled"], ["flat"]),
    node("Dropout", ["flat"], ["kept"]),
    node("Split", ["kept"], ["left", "right"], axis=1),
    node("ReduceMean", ["x"], ["mean"], axes=[-1, 2], keepdims=0),
    node("ReduceMax", ["x"], ["most"], axes=[2, 3], keepdims=0),
    node("Pow", ["nine", "half"], ["three"]),
    node("Mul", ["mean", "three"], ["scaled"]),
    node("Concat", ["left", "right", "scaled", "most"], ["y"], axis=1),
]
graph = helper.make_graph(
    nodes,
    "legacy",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows_in", 2, 3, 2])],
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"{name}_{axis}" for axis in range(rank)]) for name, rank in (("y", 2), ("tokens", 3))],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=7)
onnx.checker.check_model(model)
pathlib.Path(__file__).with_name("legacy.onnx").write_bytes(model.SerializeToString())
