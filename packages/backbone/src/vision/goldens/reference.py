"""Vision transformers with their prompt sites in plain PyTorch, on the modules of transformers, in float64.

    python reference.py CHECKPOINT IN.safetensors OUT.safetensors

IN  pixels [B, 3, height, width], prototypes [C, H], targets [B, C], weights [B], scale [], and prompts: `kv-K`
    [L - K, 2, N, P, D] joins the layers from K on; `deep-K` [L - K, P, H] are VPT's deep tokens from layer K on, replaced
    at the next; `soft` [P, H] stand beside the patches; `lora-K` [L - K, 2, 2, R, H] are LoRA's factors of queries and
    values from layer K on, the second of each turned. `NAME/dropout.prompt` is multiplied into the prompt NAME.
OUT `plain/cls` [B, H], `plain/patches` [B, N, H], `plain/tap-K` (patches behind K layers); and for each prompt
    `NAME/cls`, `/patches`, `/logits`, `/loss`, `/grad.prompt`, `/grad.prototypes`; `mean/...` for the head on the patches'
    mean instead of the class token, behind the first prompt by name.

Deep tokens are done here as the paper does them: tokens among tokens, thrown away behind each layer.
"""

import sys

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, CLIPVisionModel, ViTMAEModel


def load(checkpoint):
    config = AutoConfig.from_pretrained(checkpoint)
    cls = {"clip_vision_model": CLIPVisionModel, "vit_mae": ViTMAEModel}.get(config.model_type, AutoModel)
    return cls.from_pretrained(checkpoint, attn_implementation="eager", dtype=torch.float64)


def reference(model, given):
    vit = Vit(model.double().eval().requires_grad_(False))
    g = {name: x if x.dtype == torch.int64 else x.double() for name, x in given.items()}
    out = {}
    with torch.no_grad():
        x, taps = vit.encode(g["pixels"], "none", None)
        if (theirs := vit.own(g["pixels"])) is not None:
            assert torch.allclose(theirs, vit.last(x), rtol=0, atol=1e-10), "the layers below aren't transformers' own"
        out["plain/cls"], out["plain/patches"] = vit.features(x)
        for layer, tap in taps.items():
            out[f"plain/tap-{layer}"] = vit.features(tap)[1]
    prompts = [name for name in sorted(g) if name == "soft" or name.startswith(("kv-", "deep-", "lora-")) and "/" not in name]
    for name in prompts:
        out.update(case(vit, g, name, name, "cls"))
    out.update(case(vit, g, prompts[0], "mean", "mean"))
    return {name: x.detach().contiguous() for name, x in out.items()}


def case(vit, g, name, title, feature):
    prompt, prototypes = g[name].clone().requires_grad_(), g["prototypes"].clone().requires_grad_()
    x, _ = vit.encode(g["pixels"], name, prompt * g.get(f"{name}/dropout.prompt", 1.0))
    cls, patches = vit.features(x)
    vector = F.normalize(cls if feature == "cls" else patches.mean(1), dim=-1)
    logits = g["scale"] * vector @ F.normalize(prototypes, dim=-1).T
    loss = (g["weights"] * F.cross_entropy(logits, g["targets"], reduction="none")).sum()
    loss.backward()
    results = {"cls": cls, "patches": patches, "logits": logits, "loss": loss}
    gradients = {"grad.prompt": prompt.grad, "grad.prototypes": prototypes.grad}
    return {f"{title}/{key}": x for key, x in {**results, **gradients}.items()}


class Vit:
    """What the families' modules are called."""

    def __init__(self, model):
        self.model, self.kind = model, model.config.model_type
        inner = getattr(model, "vision_model", model)
        self.embeddings = inner.embeddings
        self.layers = next(
            found
            for path in ("layers", "layer", "encoder.layers", "encoder.layer")
            if (found := dig(inner, path)) is not None
        )
        self.input_norm = getattr(inner, "pre_layrnorm", None)
        self.norm = inner.post_layernorm if self.input_norm is not None else inner.layernorm
        self.leading = 1 + getattr(model.config, "num_register_tokens", 0)
        self.heads = model.config.num_attention_heads

    def embed(self, pixels):
        stretch = {} if self.kind.startswith("dinov2") else {"interpolate_pos_encoding": True}
        if self.kind == "vit_mae":
            # Without masking: in the order of the noise, which is the patches' own.
            self.embeddings.config.mask_ratio = 0.0
            patches = (pixels.shape[2] // self.embeddings.patch_size) * (pixels.shape[3] // self.embeddings.patch_size)
            return self.embeddings(pixels, noise=torch.arange(patches).double().expand(len(pixels), -1), **stretch)[0]
        x = self.embeddings(pixels, **stretch)
        return x if self.input_norm is None else self.input_norm(x)

    def encode(self, pixels, name, prompt):
        x = self.embed(pixels)
        B, S, H = x.shape
        method, first = (name.split("-") + ["0"])[:2]
        if method == "soft":
            x = torch.cat([x, prompt.expand(B, -1, -1)], 1)
        taps = {}
        for i, layer in enumerate(self.layers):
            prompted = method in ("kv", "deep", "lora") and i >= int(first)
            if prompted and method == "deep":
                x = torch.cat([x[:, :S], prompt[i - int(first)].expand(B, -1, -1)], 1)
            if prompted and method in ("kv", "lora"):
                x = self.changed(layer, x, method, prompt[i - int(first)])
            else:
                x = output(layer(x) if self.kind != "clip_vision_model" else layer(x, attention_mask=None))
            taps[i + 1] = x[:, :S]
        taps.popitem()
        return x[:, :S], taps

    def changed(self, layer, x, method, prompt):
        """The layer with keys and values in front of its own, or with low-rank products added."""
        clip = hasattr(layer, "self_attn")
        attention = layer.self_attn if clip else layer.attention
        norm1 = layer.layer_norm1 if clip else getattr(layer, "norm1", None) or layer.layernorm_before
        norm2 = layer.layer_norm2 if clip else getattr(layer, "norm2", None) or layer.layernorm_after
        scale1, scale2 = getattr(layer, "layer_scale1", torch.nn.Identity()), getattr(layer, "layer_scale2", torch.nn.Identity())
        B, S, H = x.shape
        split = lambda y: y.view(B, -1, self.heads, H // self.heads).transpose(1, 2)
        n = norm1(x)
        q, k, v = split(attention.q_proj(n)), split(attention.k_proj(n)), split(attention.v_proj(n))
        if method == "lora":
            (query_a, query_b), (value_a, value_b) = prompt
            q, v = q + split(n @ query_a.T @ query_b), v + split(n @ value_a.T @ value_b)
        else:
            k, v = torch.cat([prompt[0].expand(B, -1, -1, -1), k], 2), torch.cat([prompt[1].expand(B, -1, -1, -1), v], 2)
        context = (q @ k.transpose(-1, -2) / (H // self.heads) ** 0.5).softmax(-1) @ v
        out = attention.out_proj if clip else attention.o_proj
        x = x + scale1(out(context.transpose(1, 2).reshape(B, S, H)))
        return x + scale2(layer.mlp(norm2(x)))

    def features(self, x):
        x = self.norm(x)
        return x[:, 0], x[:, self.leading :]

    def last(self, x):
        return x if self.input_norm is not None else self.norm(x)

    def own(self, pixels):
        """What transformers' own forward gives, where it takes such pixels."""
        if self.kind == "vit_mae":
            return None
        stretch = {} if self.kind.startswith("dinov2") else {"interpolate_pos_encoding": True}
        return self.model(pixel_values=pixels, **stretch).last_hidden_state


def output(result):
    return result[0] if isinstance(result, tuple) else result


def dig(module, path):
    for part in path.split("."):
        module = getattr(module, part, None)
        if module is None:
            return None
    return module


if __name__ == "__main__":
    checkpoint, source, target = sys.argv[1:4]
    torch.set_num_threads(2)
    save_file(reference(load(checkpoint), load_file(source)), target)
