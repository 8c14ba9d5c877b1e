"""Writes random vision transformers of 3 layers as users' checkpoint folders, and PyTorch's numbers for them:
NAME/given.safetensors (pixels, prompts) and NAME/wanted.safetensors (see reference.py).

    python make.py        (torch 2.13 on a CPU, transformers 5.24)
"""

import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    ViTConfig,
    ViTMAEConfig,
    ViTMAEModel,
    ViTModel,
)

from reference import load, reference

here = Path(__file__).parent
COMMON = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, image_size=12, patch_size=4, initializer_range=0.3)
L, N, H, P, C, B = 3, 2, 16, 2, 3, 2
torch.manual_seed(0)
MODELS = {
    "vit": (ViTModel(ViTConfig(**COMMON, intermediate_size=24)), (12, 12)),
    # Another size than it was trained at, of another shape; and without biases of queries, keys and values.
    "vit-wide": (ViTModel(ViTConfig(**COMMON, intermediate_size=24, qkv_bias=False), add_pooling_layer=False), (8, 20)),
    "mae": (ViTMAEModel(ViTMAEConfig(**COMMON, intermediate_size=24)), (12, 12)),
    "clip": (CLIPVisionModel(CLIPVisionConfig(**COMMON, intermediate_size=24)), (12, 12)),
    "dinov2": (Dinov2Model(Dinov2Config(**COMMON, mlp_ratio=2)), (16, 16)),
    "dinov2-gated": (Dinov2Model(Dinov2Config(**COMMON, mlp_ratio=2, use_swiglu_ffn=True)), (12, 12)),
    "dinov2-registers": (Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**COMMON, mlp_ratio=2, num_register_tokens=2)), (8, 8)),
}

for seed, (name, (model, (height, width))) in enumerate(MODELS.items()):
    torch.manual_seed(seed)
    for key, parameter in model.named_parameters():
        # A bias of 0, a norm's weight or a layer scale of 1 would hide that it was left out.
        spread = 0.3 if parameter.dim() == 1 or "token" in key or "position" in key else 0.0
        parameter.data += spread * torch.randn_like(parameter)
    folder = here / name
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        # Half floats take half the bytes; the numbers below are of what is stored.
        model.half().save_pretrained(scratch)
        (folder / "config.json").write_bytes((Path(scratch) / "config.json").read_bytes())
        save_file(load_file(Path(scratch) / "model.safetensors"), folder / "model.safetensors")
    targets = torch.zeros(B, C)
    targets[torch.arange(B), torch.tensor([2, 0])] = 1
    given = {
        "pixels": torch.randn(B, 3, height, width),
        "prototypes": torch.randn(C, H),
        "targets": targets,
        "weights": torch.tensor([0.7, 0.3]),
        "scale": torch.tensor(5.0),
        "kv-0": torch.randn(L, 2, N, P, H // N),
        "kv-2": torch.randn(L - 2, 2, N, P, H // N),
        "deep-0": torch.randn(L, P, H),
        "deep-1": torch.randn(L - 1, P, H),
        "soft": torch.randn(P, H),
        "deep-1/dropout.prompt": (torch.rand(L - 1, P, H) > 0.25).float() / 0.75,
    }
    given["lora-1"] = 0.5 * torch.randn(L - 1, 2, 2, 3, H)
    given = {key: x.contiguous() for key, x in given.items()}
    save_file(given, folder / "given.safetensors")
    wanted = reference(load(folder), given)
    # Single precision is a hundred times finer than what is asked of us, and half the bytes.
    save_file({key: x.float() for key, x in wanted.items()}, folder / "wanted.safetensors")
