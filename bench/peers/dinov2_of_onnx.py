"""The encoder of vit-s14-saliency as a transformers checkpoint: the same numbers under DINOv2's names, taken from the
exported graph by the names of its nodes.

    python dinov2_of_onnx.py vit_s_focus.onnx FOLDER
"""

import re
import sys

import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model

source, folder = sys.argv[1:3]
graph = onnx.load(source).graph
tensors = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
state = {name.removeprefix("backbone."): x for name, x in tensors.items() if name.startswith("backbone.")}
for node in graph.node:
    # Matrices lost their names to the exporter; the nodes kept them.
    if node.op_type == "MatMul" and node.input[1] in tensors and (found := re.match(r"/backbone/(.+)/MatMul$", node.name)):
        state[found[1].replace("/", ".") + ".weight"] = tensors[node.input[1]].T.contiguous()
grid = next(x for name, x in tensors.items() if name.startswith("onnx::Reshape") and x.numel() == 37 * 37 * 384)
first = next(x for name, x in tensors.items() if name.startswith("onnx::Concat") and x.numel() == 384)
state["embeddings.position_embeddings"] = torch.cat([first.reshape(1, 1, 384), grid.reshape(1, 37 * 37, 384)], 1)
config = Dinov2Config(
    hidden_size=384,
    num_hidden_layers=12,
    num_attention_heads=6,
    image_size=518,
    patch_size=14,
    layer_norm_eps=1e-6,
    use_mask_token=False,
)
# By way of a file: transformers translates these names into its own on loading.
model = Dinov2Model(config)
model.save_pretrained(folder)
save_file(state, f"{folder}/model.safetensors")
loaded, report = Dinov2Model.from_pretrained(folder, output_loading_info=True)
assert not report["unexpected_keys"] and set(report["missing_keys"]) <= {"embeddings.mask_token"}, report
