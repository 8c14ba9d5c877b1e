"""The encoder with its prompt sites in plain PyTorch, on the modules of transformers' BertModel, in float64.

    python reference.py CHECKPOINT IN.safetensors OUT.safetensors

IN  input_ids [B, S], mask [B, S], pool [B, S], prototypes [C, H], targets [B, C], weights [B], scale [], and prompts:
    `kv-K` [L - K, 2, N, P, D] joins the layers from K on, `soft` [P, H] stands in front of the text.
    `NAME/dropout.PLACE` are dropout masks of the prompt NAME, named as the tuning graph names them.
OUT `hidden-K` [B, S, H], the states below layer K; `plain/embedding`; and for each prompt `NAME/embedding`, `/logits`,
    `/loss`, `/grad.prompt`, `/grad.prototypes`; with masks the same under `NAME-dropout`.
"""

import sys

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import BertModel


def reference(bert, given):
    bert = bert.double().eval().requires_grad_(False)
    g = {name: x if x.dtype == torch.int64 else x.double() for name, x in given.items()}
    plain = bert(input_ids=g["input_ids"], attention_mask=g["mask"], output_hidden_states=True)
    out = {f"hidden-{k}": states for k, states in enumerate(plain.hidden_states)}
    out["plain/embedding"] = pooled(plain.last_hidden_state, g["pool"])
    ours = encode(bert, g, "kv-0", torch.zeros(len(bert.encoder.layer), 2, heads_of(bert), 0, 1).double(), {})
    assert torch.allclose(ours, out["plain/embedding"], rtol=0, atol=1e-12), "the layers below aren't transformers' own"
    for name in [name for name in g if name == "soft" or name.startswith("kv-") and "/" not in name]:
        out.update(case(bert, g, name, name, {}))
        masks = {key.split("/")[1]: x for key, x in g.items() if key.startswith(f"{name}/dropout.")}
        if masks:
            out.update(case(bert, g, name, f"{name}-dropout", masks))
    return {name: x.detach().contiguous() for name, x in out.items()}


def case(bert, g, name, title, masks):
    prompt, prototypes = g[name].clone().requires_grad_(), g["prototypes"].clone().requires_grad_()
    embedding = encode(bert, g, name, prompt, masks)
    logits = g["scale"] * embedding @ F.normalize(prototypes, dim=-1).T
    loss = (g["weights"] * F.cross_entropy(logits, g["targets"], reduction="none")).sum()
    loss.backward()
    results = {"embedding": embedding, "logits": logits, "loss": loss}
    gradients = {"grad.prompt": prompt.grad, "grad.prototypes": prototypes.grad}
    return {f"{title}/{key}": x for key, x in {**results, **gradients}.items()}


def encode(bert, g, name, prompt, masks):
    """Unit sentence vectors [B, H] of the text behind one prompt."""
    drop = lambda x, place: x * masks[m].view(x.shape) if (m := f"dropout.{place}") in masks else x
    prompt = drop(prompt, "prompt")
    h, pool, seen = bert.embeddings(input_ids=g["input_ids"]), g["pool"], g["mask"]
    B, N = len(h), heads_of(bert)
    D = h.shape[-1] // N
    if name == "soft":
        P = len(prompt)
        h = torch.cat([prompt.expand(B, -1, -1), h], 1)
        pool, seen = F.pad(pool, (P, 0)), F.pad(seen, (P, 0), value=1)
    split = lambda x: x.view(B, -1, N, D).transpose(1, 2)
    for i, layer in enumerate(bert.encoder.layer):
        attention, visible = layer.attention.self, seen
        q, k, v = split(attention.query(h)), split(attention.key(h)), split(attention.value(h))
        if name != "soft" and i >= (first := int(name[3:])) and prompt.shape[3] > 0:
            keys, values = prompt[i - first]
            k, v = torch.cat([keys.expand(B, -1, -1, -1), k], 2), torch.cat([values.expand(B, -1, -1, -1), v], 2)
            visible = F.pad(seen, (prompt.shape[3], 0), value=1)
        scores = (q @ k.transpose(-1, -2) / D**0.5).masked_fill(visible[:, None, None] == 0, float("-inf"))
        weights = scores.softmax(-1)
        if (mask := masks.get(f"dropout.{i}.attention")) is not None:
            weights = weights * F.pad(mask, (0, weights.shape[-1] - mask.shape[-1]), value=1)
        context = weights @ v
        mixed = layer.attention.output.dense(context.transpose(1, 2).reshape(h.shape))
        h = layer.attention.output.LayerNorm(drop(mixed, f"{i}.mixed") + h)
        narrow = layer.output.dense(layer.intermediate(h))
        h = layer.output.LayerNorm(drop(narrow, f"{i}.output") + h)
    return pooled(h, pool)


def pooled(hidden, pool):
    return F.normalize((hidden * pool[..., None]).sum(1), dim=-1)


def heads_of(bert):
    return bert.config.num_attention_heads


if __name__ == "__main__":
    checkpoint, source, target = sys.argv[1:4]
    torch.set_num_threads(2)
    bert = BertModel.from_pretrained(checkpoint, attn_implementation="eager")
    save_file(reference(bert, load_file(source)), target)
