"""An encoder of texts with its prompt sites in plain PyTorch, on the modules of transformers' models, in float64.

    python reference.py CHECKPOINT IN.safetensors OUT.safetensors

IN  input_ids [B, S], mask [B, S], pool [B, S], prototypes [C, H], targets [B, C], weights [B], scale [], optionally
    token_types [B, S], and prompts: `kv-K` [L - K, 2, N, P, D] joins the layers from K on, `deep-K` [L - K, P, H] are tokens
    that each of them reads as such, `soft` [P, H] stands in front of the text; `lora-K` [L - K, 2, 2, R, H] and `biases-K`, flat, are added to modules' outputs. `NAME/dropout.PLACE` are dropout masks of the prompt NAME, named as the tuning graph names them.
    `whole` asks for the gradients of all weights.
OUT `hidden-K` [B, S, H], the states below layer K; `plain/embedding`; and for each prompt `NAME/embedding`, `/logits`,
    `/loss`, `/grad.prompt`, `/grad.prototypes`; with masks the same under `NAME-dropout`;
    `whole/loss`, `whole/grad.NAME` by transformers' names.
"""

import copy
import inspect
import sys

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import AutoModel


def reference(model, given):
    model = model.double().eval().requires_grad_(False)
    family = FAMILIES[model.config.model_type](model)
    g = {name: x if x.dtype == torch.int64 else x.double() for name, x in given.items()}
    plain = transformers_own(model, g["input_ids"], g["mask"], g.get("token_types"))
    out = {f"hidden-{k}": states for k, states in enumerate(plain.hidden_states)}
    out["plain/embedding"] = pooled(plain.last_hidden_state, g["pool"])
    ours = encode(family, g, "kv-0", torch.zeros(len(family.layers), 2, family.heads, 0, 1).double(), {})
    slack = 1e-5 if isinstance(family, Modern) else 1e-12
    furthest = (ours - out["plain/embedding"]).abs().max().item()
    assert furthest < slack, f"the layers below aren't transformers' own: {furthest}"
    for name in [name for name in g if "/" not in name and name.split("-")[0] in ("kv", "deep", "soft", "lora", "biases")]:
        out.update(case(family, g, name, name, {}))
        masks = {key.split("/")[1]: x for key, x in g.items() if key.startswith(f"{name}/dropout.")}
        if masks:
            out.update(case(family, g, name, f"{name}-dropout", masks))
    if "whole" in g:
        out.update(whole(model, family, g))
    if isinstance(family, Modern):
        out["plain/embedding"] = ours
    return {name: x.detach().contiguous() for name, x in out.items()}


def transformers_own(model, ids, mask, types=None):
    """BERT and DistilBERT count the pads in front of a text, so they are told its positions."""
    accepted = inspect.signature(model.forward).parameters
    more = {}
    if types is not None and "token_type_ids" in accepted:
        more["token_type_ids"] = types
    if model.config.model_type in ("bert", "distilbert") and (mask[:, 0] == 0).any():
        more["position_ids"] = (mask.long().cumsum(1) - 1).clamp(min=0)
    if model.config.model_type == "modernbert":
        # It turns and weighs in float32 whatever it is in; and there float64's own least number hides to minus infinity.
        model = copy.deepcopy(model).float()
    found = model(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True, **more)
    found.last_hidden_state = found.last_hidden_state.double()
    return found


def case(family, g, name, title, masks):
    prompt, prototypes = g[name].clone().requires_grad_(), g["prototypes"].clone().requires_grad_()
    embedding = encode(family, g, name, prompt, masks)
    logits = g["scale"] * embedding @ F.normalize(prototypes, dim=-1).T
    loss = (g["weights"] * F.cross_entropy(logits, g["targets"], reduction="none")).sum()
    loss.backward()
    results = {"embedding": embedding, "logits": logits, "loss": loss}
    gradients = {"grad.prompt": prompt.grad, "grad.prototypes": prototypes.grad}
    return {f"{title}/{key}": x for key, x in {**results, **gradients}.items()}


def whole(model, family, g):
    """Nothing is frozen."""
    model.requires_grad_(True)
    embedding = encode(family, g, "kv-0", torch.zeros(len(family.layers), 2, family.heads, 0, 1).double(), {})
    prototypes = g["prototypes"].clone().requires_grad_()
    logits = g["scale"] * embedding @ F.normalize(prototypes, dim=-1).T
    loss = (g["weights"] * F.cross_entropy(logits, g["targets"], reduction="none")).sum()
    loss.backward()
    found = {f"whole/grad.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {"whole/loss": loss, "whole/logits": logits, "whole/grad.prototypes": prototypes.grad, **found}


def encode(family, g, name, prompt, masks):
    """Unit sentence vectors [B, H] of the text behind one prompt."""
    drop = lambda x, place: x * masks[m].view(x.shape) if (m := f"dropout.{place}") in masks else x
    prompt = drop(prompt, "prompt")
    kind, _, first = name.partition("-")
    found, behind = additions(family, kind, prompt, int(first or 0))
    hooks = [module.register_forward_hook(adding(start, add)) for module, start, add in found]
    h, pool, seen = family.embed(g["input_ids"], g.get("token_types")), g["pool"], g["mask"]
    B, N = len(h), family.heads
    D = h.shape[-1] // N
    if name == "soft":
        P = len(prompt)
        h = torch.cat([prompt.expand(B, -1, -1), h], 1)
        pool, seen = F.pad(pool, (P, 0)), F.pad(seen, (P, 0), value=1)
    S = h.shape[1]
    split = lambda x: x.view(B, -1, N, D).transpose(1, 2)
    for i, layer in enumerate(family.layers):
        q, k, v = (split(x) for x in family.project(layer, i, h))
        q, k = family.place(q, i), family.place(k, i)
        # Soft tokens stand in front of the text, as words would; a prefix stands nowhere and is seen by all.
        bias = family.bias(i, S).expand(B, N, S, S).masked_fill(seen[:, None, None] == 0, UNSEEN)
        if kind in ("kv", "deep") and i >= int(first) and prompt.shape[-2] > 0:
            own = prompt[i - int(first)]
            # Nobody asks on a deep token's behalf: the next layer reads another in its place.
            keys, values = own if kind == "kv" else (x.view(-1, N, D).transpose(0, 1) for x in family.project(layer, i, own)[1:])
            k, v = torch.cat([keys.expand(B, -1, -1, -1), k], 2), torch.cat([values.expand(B, -1, -1, -1), v], 2)
            bias = F.pad(bias, (prompt.shape[-2], 0))
        weights = (q @ k.transpose(-1, -2) / D**0.5 + bias).softmax(-1)
        if (mask := masks.get(f"dropout.{i}.attention")) is not None:
            weights = weights * F.pad(mask, (0, weights.shape[-1] - mask.shape[-1]), value=1)
        context = (weights @ v).transpose(1, 2).reshape(h.shape)
        h = family.after(layer, context, h, lambda x, place: drop(x, f"{i}.{place}"))
    for hook in hooks:
        hook.remove()
    return pooled(family.last(h) + behind, pool)


def additions(family, kind, prompt, first):
    """What is added to modules' outputs: [(module, from which of its outputs on, the addition by its input)]; and what
    behind the last norm."""
    found, at = [], 0
    for i, layer in enumerate(family.layers[first:]):
        query, value, *others = family.products(layer)
        if kind == "lora":
            for (module, start), (a, b) in zip((query, value), prompt[i]):
                found.append((module, start, lambda x, a=a, b=b: x @ a.T @ b))
        if kind == "biases":
            for module, start in (query, *others):
                width = module.in_features if module is query[0] else module.out_features
                found.append((module, start, lambda x, part=prompt[at : at + width]: part))
                at += width
    return found, prompt[at:] if kind == "biases" else 0


def adding(start, add):
    def hook(module, inputs, out):
        more = add(inputs[0])
        return out + F.pad(more, (start, out.shape[-1] - start - more.shape[-1]))

    return hook


class Bert:
    """BERT, and what differs from it by names alone."""

    def __init__(self, model):
        self.model, self.heads = model, model.config.num_attention_heads
        self.layers = list(model.encoder.layer)

    def embed(self, ids, types):
        return self.model.embeddings(input_ids=ids, **({} if types is None else {"token_type_ids": types}))

    def project(self, layer, i, h):
        own = layer.attention.self
        return own.query(h), own.key(h), own.value(h)

    def products(self, layer):
        """Queries, values, the attention's output, the wide product, the layer's output; each from which output on."""
        own, out = layer.attention.self, layer.attention.output
        return [(x, 0) for x in (own.query, own.value, out.dense, layer.intermediate.dense, layer.output.dense)]

    def place(self, x, i):
        return x

    def bias(self, i, S):
        return torch.zeros(1, 1, S, S).double()

    def after(self, layer, context, h, drop):
        h = layer.attention.output.LayerNorm(drop(layer.attention.output.dense(context), "mixed") + h)
        return layer.output.LayerNorm(drop(layer.output.dense(layer.intermediate(h)), "output") + h)

    def last(self, h):
        return h


class Distil(Bert):
    def __init__(self, model):
        self.model, self.heads, self.layers = model, model.config.n_heads, list(model.transformer.layer)

    def embed(self, ids, types):
        return self.model.embeddings(ids)

    def project(self, layer, i, h):
        own = layer.attention
        return own.q_lin(h), own.k_lin(h), own.v_lin(h)

    def products(self, layer):
        own = layer.attention
        return [(x, 0) for x in (own.q_lin, own.v_lin, own.out_lin, layer.ffn.lin1, layer.ffn.lin2)]

    def after(self, layer, context, h, drop):
        h = layer.sa_layer_norm(drop(layer.attention.out_lin(context), "mixed") + h)
        return layer.output_layer_norm(drop(layer.ffn(h), "output") + h)


class MPNet(Bert):
    def embed(self, ids, types):
        return self.model.embeddings(input_ids=ids)

    def project(self, layer, i, h):
        own = layer.attention.attn
        return own.q(h), own.k(h), own.v(h)

    def products(self, layer):
        own = layer.attention.attn
        return [(x, 0) for x in (own.q, own.v, own.o, layer.intermediate.dense, layer.output.dense)]

    def bias(self, i, S):
        return self.model.encoder.compute_position_bias(torch.zeros(1, S, 1))

    def after(self, layer, context, h, drop):
        h = layer.attention.LayerNorm(drop(layer.attention.attn.o(context), "mixed") + h)
        return layer.output.LayerNorm(drop(layer.output.dense(layer.intermediate(h)), "output") + h)


class Modern(Bert):
    def __init__(self, model):
        self.model, self.heads, self.layers = model, model.config.num_attention_heads, list(model.layers)
        self.types = model.config.layer_types

    def embed(self, ids, types):
        return self.model.embeddings(ids)

    def project(self, layer, i, h):
        return layer.attn.Wqkv(layer.attn_norm(h)).chunk(3, -1)

    def products(self, layer):
        fused, H = layer.attn.Wqkv, layer.attn.Wqkv.in_features
        return [(fused, 0), (fused, 2 * H), *((x, 0) for x in (layer.attn.Wo, layer.mlp.Wi, layer.mlp.Wo))]

    def place(self, x, i):
        theta = self.model.config.rope_parameters[self.types[i]]["rope_theta"]
        D = x.shape[-1]
        angles = torch.arange(x.shape[2])[:, None].double() / theta ** (torch.arange(0, D, 2).double() / D)
        cos, sin = angles.cos(), angles.sin()
        left, right = x.chunk(2, -1)
        return torch.cat([left * cos - right * sin, right * cos + left * sin], -1)

    def bias(self, i, S):
        if self.types[i] == "full_attention":
            return super().bias(i, S)
        at = torch.arange(S)
        far = (at[:, None] - at[None]).abs() > self.model.config.local_attention // 2
        return torch.zeros(S, S).double().masked_fill(far, UNSEEN)[None, None]

    def after(self, layer, context, h, drop):
        h = h + drop(layer.attn.Wo(context), "mixed")
        return h + drop(layer.mlp(layer.mlp_norm(h)), "output")

    def last(self, h):
        return self.model.final_norm(h)


FAMILIES = {"bert": Bert, "roberta": Bert, "xlm-roberta": Bert, "distilbert": Distil, "mpnet": MPNet, "modernbert": Modern}


# Not minus infinity: a padding token out of reach of all others would see nothing, and be no number.
UNSEEN = -1e9


def pooled(hidden, pool):
    return F.normalize((hidden * pool[..., None]).sum(1), dim=-1)


if __name__ == "__main__":
    checkpoint, source, target = sys.argv[1:4]
    torch.set_num_threads(2)
    model = AutoModel.from_pretrained(checkpoint, attn_implementation="eager")
    save_file(reference(model, load_file(source)), target)
