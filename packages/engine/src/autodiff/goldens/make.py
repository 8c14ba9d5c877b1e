"""Writes attention.json and losses.json: whole graphs' losses and gradients by PyTorch, in float64.

    python make.py        (torch 2.13, CPU)

All tensors are multiples of 1/1024, which float32 holds exactly.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


def draw(*dims, low=-1.0, high=1.0):
    return ((torch.rand(dims) * (high - low) + low) * 1024).round() / 1024


def cell(tensor):
    return {"dims": list(tensor.shape), "data": tensor.detach().flatten().tolist()}


def write(name, golden):
    text = json.dumps(golden, separators=(",", ":"))
    pathlib.Path(__file__).with_name(name).write_text(text + "\n")


def attention():
    """One encoder layer with prompt keys and values, mean pooling over real tokens, a linear head, cross-entropy."""
    batch, tokens, prompt, width, heads, classes = 2, 4, 2, 8, 2, 3
    depth = width // heads
    inputs = {
        "x": draw(batch, tokens, width),
        "promptKeys": draw(batch, heads, prompt, depth),
        "promptValues": draw(batch, heads, prompt, depth),
        "head": draw(classes, width),
        "headBias": draw(classes),
        "mask": torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0]]),
        "targets": torch.tensor([[0.0, 1, 0], [0.5, 0, 0.5]]),
        "weights": torch.tensor([0.75, 0.25]),
    }
    weights = {
        **{name: draw(width, width) for name in ("query", "key", "value", "out")},
        **{f"{name}Bias": draw(width) for name in ("query", "key", "value", "out")},
        "up": draw(width, 16),
        "upBias": draw(16),
        "down": draw(16, width),
        "downBias": draw(width),
        **{name: draw(width) for name in ("scale1", "shift1", "scale2", "shift2")},
    }
    trained = {name: inputs[name].requires_grad_() for name in ("x", "promptKeys", "promptValues", "head", "headBias")}
    x, w = inputs["x"], weights

    def split(name):
        return (x @ w[name] + w[f"{name}Bias"]).reshape(batch, tokens, heads, depth).transpose(1, 2)

    keys = torch.cat([inputs["promptKeys"], split("key")], 2)
    values = torch.cat([inputs["promptValues"], split("value")], 2)
    seen = torch.cat([torch.ones(batch, prompt), inputs["mask"]], 1)
    scores = split("query") @ keys.transpose(2, 3) * depth**-0.5 + (seen - 1)[:, None, None] * 1024
    mixed = (scores.softmax(-1) @ values).transpose(1, 2).reshape(batch, tokens, width)
    first = F.layer_norm(x + mixed @ w["out"] + w["outBias"], (width,), w["scale1"], w["shift1"], 2**-16)
    inner = F.gelu(first @ w["up"] + w["upBias"]) @ w["down"] + w["downBias"]
    second = F.layer_norm(first + inner, (width,), w["scale2"], w["shift2"], 2**-16)
    real = inputs["mask"][:, :, None]
    pooled = (second * real).sum(1) / real.sum(1)
    logits = pooled @ inputs["head"].T + inputs["headBias"]
    rows = F.cross_entropy(logits, inputs["targets"], reduction="none")
    loss = (rows * inputs["weights"]).sum()
    slopes = torch.autograd.grad(loss, list(trained.values()))
    return {
        "inputs": {name: cell(value) for name, value in inputs.items()},
        "weights": {name: cell(value) for name, value in weights.items()},
        "loss": loss.item(),
        "logits": cell(logits),
        "gradients": {name: cell(slope) for name, slope in zip(trained, slopes)},
    }


def losses():
    """Each loss of losses.ts on [4, 3], with the gradient by its first input."""
    x, weights = draw(4, 3, low=-4, high=4).requires_grad_(), draw(4, low=0)
    binary, distribution = (draw(4, 3) > 0).double(), torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5], [0.25, 0.25, 0.5], [0, 0, 1]])
    found = {}
    for name, targets, rows in (
        ("crossEntropy", distribution, F.cross_entropy(x, distribution, reduction="none")),
        ("sigmoidCrossEntropy", binary, F.binary_cross_entropy_with_logits(x, binary, reduction="none").mean(1)),
        ("meanSquaredError", distribution, F.mse_loss(x, distribution, reduction="none").mean(1)),
    ):
        loss = (rows * weights).sum()
        (slope,) = torch.autograd.grad(loss, [x])
        found[name] = {"x": cell(x), "targets": cell(targets), "weights": cell(weights), "loss": loss.item(), "gradient": cell(slope)}
    features, prototypes = draw(4, 5).requires_grad_(), draw(3, 5).requires_grad_()
    logits = 20 * F.normalize(features, dim=-1) @ F.normalize(prototypes, dim=-1).T
    upstream = draw(4, 3)
    slopes = torch.autograd.grad((logits * upstream).sum(), [features, prototypes])
    found["cosineHead"] = {
        "features": cell(features),
        "prototypes": cell(prototypes),
        "upstream": cell(upstream),
        "logits": cell(logits),
        "gradients": [cell(slope) for slope in slopes],
    }
    return found


write("attention.json", attention())
write("losses.json", losses())
