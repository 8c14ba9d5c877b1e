"""VPT-deep as its paper has it, in plain PyTorch on transformers' modules: prompt tokens among the patches at every layer,
replaced at the next, a linear head on the class token, AdamW. Random images; prints the seconds of each epoch.

    python vpt_deep.py CHECKPOINT --images 64 --batch 16 --tokens 10 --classes 10 --epochs 2
"""

import argparse
import time

import torch
from torch.nn import functional as F
from transformers import AutoModel

flags = argparse.ArgumentParser()
flags.add_argument("checkpoint")
for name, value in dict(images=64, batch=16, tokens=10, classes=10, epochs=2).items():
    flags.add_argument(f"--{name}", type=int, default=value)
args = flags.parse_args()

torch.set_num_threads(2)
torch.manual_seed(0)
# sdpa is transformers' default, and the faster one here.
vit = AutoModel.from_pretrained(args.checkpoint, attn_implementation="sdpa").eval().requires_grad_(False)
layers, H = vit.encoder.layer if hasattr(vit.encoder, "layer") else vit.encoder.layers, vit.config.hidden_size
pixels = torch.randn(args.images, 3, 224, 224)
labels = torch.randint(args.classes, (args.images,))
prompts = torch.nn.Parameter(torch.empty(len(layers), args.tokens, H).uniform_(-0.06, 0.06))
head = torch.nn.Linear(H, args.classes)
optimizer = torch.optim.AdamW([prompts, *head.parameters()], lr=1e-3)


def forward(images):
    x = vit.embeddings(images)
    S = x.shape[1]
    for layer, prompt in zip(layers, prompts):
        x = torch.cat([x[:, :S], prompt.expand(len(x), -1, -1)], 1)
        x = layer(x)
        x = x[0] if isinstance(x, tuple) else x
    return head(vit.layernorm(x[:, 0]))


for epoch in range(args.epochs):
    begun = time.perf_counter()
    for rows in torch.randperm(args.images).split(args.batch):
        optimizer.zero_grad()
        loss = F.cross_entropy(forward(pixels[rows]), labels[rows])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} s {time.perf_counter() - begun:.4f} loss {loss.item():.4f}", flush=True)
