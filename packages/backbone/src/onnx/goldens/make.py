"""Writes random vision transformers as .onnx files, exported in the ways that people export them; their outputs are the
normed tokens. The last ones are what the importer must refuse.

    python make.py        (torch 2.13 on a CPU, transformers 5.24, onnx, onnxscript)
"""

import io
from pathlib import Path

import onnx
import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPVisionConfig, CLIPVisionModel, Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel, ViTConfig, ViTModel

here = Path(__file__).parent
COMMON = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=12, patch_size=4, initializer_range=0.3)
H, N, D = 16, 2, 8


class Tokens(nn.Module):
    """transformers' model, its tokens alone."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model(pixel_values=pixels).last_hidden_state


class Clip(Tokens):
    def forward(self, pixels):
        out = self.model(pixel_values=pixels)
        return out.last_hidden_state, out.pooler_output


class Fused(nn.Module):
    """A ViT as timm has it: queries, keys and values of one product, tanh-GELU, no class token; with what is tried below."""

    def __init__(self, bias=False, post=False, layers=2):
        super().__init__()
        self.patch = nn.Conv2d(3, H, 4, 4)
        self.position = nn.Parameter(torch.randn(1, 9, H))
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                dict(
                    norm1=nn.LayerNorm(H),
                    qkv=nn.Linear(H, 3 * H, bias=False),
                    proj=nn.Linear(H, H),
                    norm2=nn.LayerNorm(H, eps=1e-5),
                    fc1=nn.Linear(H, 24),
                    fc2=nn.Linear(24, H),
                )
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(H)
        self.bias = nn.Parameter(torch.randn(N, 9, 9)) if bias else None
        self.post = post

    def forward(self, pixels):
        x = self.patch(pixels).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            if self.post:
                x = layer["norm1"](x + self.attend(layer, x))
                x = layer["norm2"](x + self.mlp(layer, x))
            else:
                x = x + self.attend(layer, layer["norm1"](x))
                x = x + self.mlp(layer, layer["norm2"](x))
        return x if self.post else self.norm(x)

    def attend(self, layer, x):
        B, S, _ = x.shape
        q, k, v = layer["qkv"](x).reshape(B, S, 3, N, D).permute(2, 0, 3, 1, 4).unbind(0)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=None if self.bias is None else self.bias[None])
        return layer["proj"](out.transpose(1, 2).reshape(B, S, H))

    def mlp(self, layer, x):
        return layer["fc2"](F.gelu(layer["fc1"](x), approximate="tanh"))


class Decoded(Fused):
    """What comes behind: two more blocks on narrower tokens, and an attention of a query of its own."""

    def __init__(self):
        super().__init__()
        self.decoder = Fused(layers=1)
        self.narrow = nn.Linear(H, H)
        self.pool = nn.MultiheadAttention(H, N, batch_first=True)

    def forward(self, pixels):
        tokens = super().forward(pixels)
        x = self.narrow(tokens)
        for layer in self.decoder.layers:
            x = x + self.attend(layer, layer["norm1"](x))
            x = x + self.mlp(layer, layer["norm2"](x))
        return tokens, self.pool(x, x, x)[0]


class Deep(Fused):
    """A stem of two convolutions."""

    def __init__(self):
        super().__init__()
        self.before = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, pixels):
        return super().forward(F.relu(self.before(pixels)))


def export(name, model, *, dynamo, opset, axes=(0,)):
    for key, parameter in model.named_parameters():
        spread = 0.3 if parameter.dim() == 1 or "token" in key or "position" in key else 0.0
        parameter.data += spread * torch.randn_like(parameter)
    model.eval()
    buffer = io.BytesIO()
    pixels = torch.randn(2, 3, 12, 12)
    options = dict(input_names=["pixels"], opset_version=opset)
    if dynamo:
        torch.onnx.export(model, (pixels,), dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},), **options).save(buffer)
    else:
        torch.onnx.export(model, (pixels,), buffer, dynamo=False, dynamic_axes={"pixels": {axis: f"axis{axis}" for axis in axes}}, **options)
    graph = onnx.load_from_string(buffer.getvalue())
    strip(graph)
    onnx.save(graph, here / f"{name}.onnx")


def strip(model):
    """Without stack traces and guessed shapes, which nobody reads."""
    del model.metadata_props[:]
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [*model.graph.initializer, *model.graph.input, *model.graph.output]:
        value.doc_string = ""
        del value.metadata_props[:]


torch.manual_seed(0)
export("dinov2-14", Tokens(Dinov2Model(Dinov2Config(**COMMON, mlp_ratio=2))), dynamo=False, opset=14)
export("registers-18", Tokens(Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**COMMON, mlp_ratio=2, num_register_tokens=2))), dynamo=True, opset=18)
export("gated-17", Tokens(Dinov2Model(Dinov2Config(**COMMON, mlp_ratio=2, use_swiglu_ffn=True))), dynamo=False, opset=17)
export("clip-18", Clip(CLIPVisionModel(CLIPVisionConfig(**COMMON, intermediate_size=24))), dynamo=True, opset=18)
export("vit-20", Tokens(ViTModel(ViTConfig(**COMMON, intermediate_size=24), add_pooling_layer=False)), dynamo=True, opset=20)
export("fused-17", Fused(), dynamo=False, opset=17)
export("fused-18", Fused(), dynamo=True, opset=18)
export("decoded-17", Decoded(), dynamo=False, opset=17)
export("open-17", Fused(layers=1), dynamo=False, opset=17, axes=(0, 2, 3))
export("no-biased-scores", Fused(bias=True, layers=1), dynamo=False, opset=17)
export("no-post-norm", Fused(post=True, layers=1), dynamo=False, opset=17)
export("no-deep-stem", Deep(), dynamo=False, opset=17)
export("no-attention", nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 4, 1)), dynamo=False, opset=17)
