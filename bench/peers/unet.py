"""A small U-Net (Ronneberger et al., arXiv:1505.04597) trained from nothing on a few grey images, for so many seconds.

    python unet.py IMAGES.safetensors --seconds 300 [--width 16] [--classes 2] [--seed 0]

IMAGES holds `train` and `test` [N, H, W] in 0 .. 1, and `train.map`, `test.map` [N, H, W], classes as numbers. Prints
`miou X iou A B .. steps N params P`, of the test images with their eight turned and mirrored views averaged, and without.
"""

import argparse
import math
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

flags = argparse.ArgumentParser()
flags.add_argument("images")
for name, value in dict(seconds=300, width=16, classes=2, seed=0, threads=2).items():
    flags.add_argument(f"--{name}", type=int, default=value)
args = flags.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
data = load_file(args.images)
mean, std = data["train"].mean(), data["train"].std()
train, test = ((data[part][:, None] - mean) / std for part in ("train", "test"))
train_map, test_map = data["train.map"].long(), data["test.map"].long()


def block(into, out):
    conv = lambda a, b: [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
    return nn.Sequential(*conv(into, out), *conv(out, out))


class UNet(nn.Module):
    def __init__(self, width, classes, depth=4):
        super().__init__()
        sizes = [width * 2**level for level in range(depth)]
        self.down = nn.ModuleList(block(a, b) for a, b in zip([1, *sizes], sizes))
        self.up = nn.ModuleList(block(a + b, a) for a, b in zip(sizes[-2::-1], sizes[:0:-1]))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        kept = []
        for level, down in enumerate(self.down):
            x = down(F.max_pool2d(x, 2) if level else x)
            kept.append(x)
        for up, beside in zip(self.up, kept[-2::-1]):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = up(torch.cat([x, beside], 1))
        return self.head(x)


net = UNet(args.width, args.classes)
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-4)
begun, step, SIDE, BATCH = time.perf_counter(), 0, 256, 4


def crop():
    """One image's part, turned, mirrored, and a little darker or paler."""
    i = torch.randint(len(train), ()).item()
    top, left = (torch.randint(size - SIDE + 1, ()).item() for size in train.shape[2:])
    x, y = train[i, :, top : top + SIDE, left : left + SIDE], train_map[i, top : top + SIDE, left : left + SIDE]
    turns, mirror = torch.randint(4, ()).item(), torch.rand(()) < 0.5
    x, y = torch.rot90(x, turns, (1, 2)), torch.rot90(y, turns, (0, 1))
    if mirror:
        x, y = x.flip(2), y.flip(1)
    return x * (1 + 0.2 * (2 * torch.rand(()) - 1)) + 0.2 * (2 * torch.rand(()) - 1), y


while (share := (time.perf_counter() - begun) / args.seconds) < 1:
    optimizer.param_groups[0]["lr"] = 3e-3 * min(1, share / 0.05) * 0.5 * (1 + math.cos(math.pi * share))
    x, y = map(torch.stack, zip(*(crop() for _ in range(BATCH))))
    logits = net(x)
    p = logits.softmax(1)
    one_hot = F.one_hot(y, args.classes).movedim(3, 1).float()
    dice = (2 * (p * one_hot).sum((0, 2, 3)) + 1) / (p.sum((0, 2, 3)) + one_hot.sum((0, 2, 3)) + 1)
    loss = F.cross_entropy(logits, y) + 1 - dice.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    step += 1
    if step % 20 == 0:
        print(f"step {step} loss {loss.item():.4f}", flush=True)

net.eval()


def score(answers):
    counts = torch.bincount(test_map.flatten() * args.classes + answers.flatten(), minlength=args.classes**2)
    counts = counts.reshape(args.classes, args.classes).double()
    return (counts.diag() / (counts.sum(0) + counts.sum(1) - counts.diag())).tolist()


@torch.no_grad()
def answers(views):
    found = []
    for image in test:
        total = 0
        for turns in range(4 if views else 1):
            for mirror in (False, True) if views else (False,):
                x = torch.rot90(image[None], turns, (2, 3))
                p = net(x.flip(3) if mirror else x).softmax(1)
                total = total + torch.rot90(p.flip(3) if mirror else p, -turns, (2, 3))
        found.append(total[0].argmax(0))
    return torch.stack(found)


params = sum(each.numel() for each in net.parameters())
for views in (True, False):
    ious = score(answers(views))
    words = " ".join(f"{iou:.4f}" for iou in ious)
    print(f"views {8 if views else 1} miou {sum(ious) / len(ious):.4f} iou {words} steps {step} params {params}")
