"""Writes detectors shaped as YOLO's, random and small, and PyTorch's numbers for them: several scales, a pyramid of pools,
an attention, a neck up and down.

  one-to-one.onnx  ends as YOLO26's exports do: the best so many boxes, no suppression of doubles needed
  with-nms.onnx    the older end: all boxes, and a NonMaxSuppression

NAME.safetensors holds pixels, prompts and upstream gradients, and what PyTorch makes of them: `stages` P3..P5 with prompts
on the input's border or on channels, and the gradients of the prompts.

    python make.py        (torch 2.13 on a CPU, onnx)
"""

import io
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import nn

here = Path(__file__).parent
SIZE, WIDTH, CLASSES, BORDER = 64, 4, 3, 6


class ConvBnSiLU(nn.Sequential):
    def __init__(self, i, o, k=1, s=1, groups=1):
        super().__init__(nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o), nn.SiLU())


class Split(nn.Module):
    """Two halves, one of them through a residual block, all of them together: YOLO's C3k2 in short."""

    def __init__(self, i, o):
        super().__init__()
        self.first, self.last = ConvBnSiLU(i, o), ConvBnSiLU(3 * o // 2, o)
        self.inner = nn.Sequential(ConvBnSiLU(o // 2, o // 2, 3), ConvBnSiLU(o // 2, o // 2, 3))

    def forward(self, x):
        a, b = self.first(x).chunk(2, 1)
        return self.last(torch.cat([a, b, b + self.inner(b)], 1))


class Pools(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.first, self.last = ConvBnSiLU(c, c // 2), ConvBnSiLU(2 * c, c)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        y = [self.first(x)]
        for _ in range(3):
            y.append(self.pool(y[-1]))
        return self.last(torch.cat(y, 1))


class Attention(nn.Module):
    """Positions attend to positions, with a depthwise convolution as their place: YOLO's PSA."""

    def __init__(self, c, heads=2):
        super().__init__()
        self.heads, self.size = heads, c // heads
        self.qkv, self.proj = nn.Conv2d(c, 3 * c, 1), nn.Conv2d(c, c, 1)
        self.place = nn.Conv2d(c, c, 3, padding=1, groups=c)

    def forward(self, x):
        B, C, H, W = x.shape
        q, k, v = self.qkv(x).view(B, self.heads, 3 * self.size, H * W).split(self.size, 2)
        weights = ((q.transpose(-2, -1) @ k) * self.size**-0.5).softmax(-1)
        out = (v @ weights.transpose(-2, -1)).view(B, C, H, W)
        return x + self.proj(out + self.place(v.reshape(B, C, H, W)))


class Detector(nn.Module):
    def __init__(self, one_to_one):
        super().__init__()
        c = WIDTH
        self.one_to_one = one_to_one
        self.stem = nn.Sequential(ConvBnSiLU(3, c, 3, 2), ConvBnSiLU(c, c, 3, 2), Split(c, c))
        self.c3 = nn.Sequential(ConvBnSiLU(c, 2 * c, 3, 2), Split(2 * c, 2 * c))
        self.c4 = nn.Sequential(ConvBnSiLU(2 * c, 2 * c, 3, 2), Split(2 * c, 2 * c))
        self.c5 = nn.Sequential(ConvBnSiLU(2 * c, 4 * c, 3, 2), Split(4 * c, 4 * c), Pools(4 * c), Attention(4 * c))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.n4, self.n3 = Split(6 * c, 2 * c), Split(4 * c, 2 * c)
        self.down3, self.down4 = ConvBnSiLU(2 * c, 2 * c, 3, 2), ConvBnSiLU(2 * c, 2 * c, 3, 2)
        self.m4, self.m5 = Split(4 * c, 2 * c), Split(6 * c, 4 * c)
        self.boxes = nn.ModuleList(nn.Sequential(ConvBnSiLU(i, c, 3), nn.Conv2d(c, 4, 1)) for i in (2 * c, 2 * c, 4 * c))
        self.classes = nn.ModuleList(
            nn.Sequential(ConvBnSiLU(i, i, 3, groups=i), ConvBnSiLU(i, c), nn.Conv2d(c, CLASSES, 1)) for i in (2 * c, 2 * c, 4 * c)
        )
        anchors = [
            torch.stack(torch.meshgrid(torch.arange(SIZE // s) + 0.5, torch.arange(SIZE // s) + 0.5, indexing="xy")).flatten(1) * s
            for s in (8, 16, 32)
        ]
        strides = torch.cat([torch.full((a.shape[1],), float(s)) for a, s in zip(anchors, (8, 16, 32))])
        self.register_buffer("anchors", torch.cat(anchors, 1))
        self.register_buffer("strides", strides)

    def stages(self, x, prompt=lambda name, x: x):
        c3 = prompt("C3", self.c3(self.stem(x)))
        c4 = prompt("C4", self.c4(c3))
        c5 = prompt("C5", self.c5(c4))
        n4 = self.n4(torch.cat([self.up(c5), c4], 1))
        p3 = prompt("P3", self.n3(torch.cat([self.up(n4), c3], 1)))
        p4 = prompt("P4", self.m4(torch.cat([self.down3(p3), n4], 1)))
        p5 = prompt("P5", self.m5(torch.cat([self.down4(p4), c5], 1)))
        return p3, p4, p5

    def forward(self, pixels):
        levels = self.stages(pixels)
        boxes = torch.cat([head(x).flatten(2) for head, x in zip(self.boxes, levels)], 2)
        scores = torch.cat([head(x).flatten(2) for head, x in zip(self.classes, levels)], 2).sigmoid()
        near, far = boxes.chunk(2, 1)
        corners = torch.cat([self.anchors - near * self.strides, self.anchors + far * self.strides], 1)
        if not self.one_to_one:
            return corners.transpose(1, 2), scores
        scores, corners = scores.transpose(1, 2), corners.transpose(1, 2)
        best, place = scores.amax(-1).topk(10)
        place = place.unsqueeze(-1)
        return torch.cat([corners.gather(1, place.expand(-1, -1, 4)), scores.gather(1, place.expand(-1, -1, CLASSES))], -1)


def randomize(model):
    for key, x in [*model.named_parameters(), *model.named_buffers()]:
        if key in ("anchors", "strides") or x.dtype != torch.float32:
            continue
        if "running_var" in key:
            x.data = 0.5 + torch.rand_like(x)
        elif x.dim() == 1:
            x.data += 0.2 * torch.randn_like(x)


def export(name, model):
    buffer = io.BytesIO()
    # The older one for one image at a time, as exporters do unless they are told otherwise.
    axes = dict(dynamic_axes={"images": {0: "batch"}}) if model.one_to_one else {}
    options = dict(input_names=["images"], dynamo=False, opset_version=17, **axes)
    torch.onnx.export(model, (torch.randn(1, 3, SIZE, SIZE),), buffer, do_constant_folding=True, training=torch.onnx.TrainingMode.PRESERVE, **options)
    graph = onnx.load_from_string(buffer.getvalue())
    if not model.one_to_one:
        boxes, scores = [output.name for output in graph.graph.output]
        constants = [
            helper.make_tensor("most", TensorProto.INT64, [1], [5]),
            helper.make_tensor("overlap", TensorProto.FLOAT, [1], [0.5]),
            helper.make_tensor("least", TensorProto.FLOAT, [1], [0.1]),
        ]
        graph.graph.initializer.extend(constants)
        graph.graph.node.append(helper.make_node("NonMaxSuppression", [boxes, scores, "most", "overlap", "least"], ["selected"]))
        graph.graph.output.append(helper.make_tensor_value_info("selected", TensorProto.INT64, ["kept", 3]))
        # As such exports have it: what was selected, and nothing else.
        del graph.graph.output[:2]
    del graph.graph.value_info[:]
    onnx.save(graph, here / f"{name}.onnx")


def ring():
    """Which pixels are the border's, row by row."""
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    inside = (rows >= BORDER) & (rows < SIZE - BORDER) & (columns >= BORDER) & (columns < SIZE - BORDER)
    return (~inside).flatten().nonzero()[:, 0]


for seed, (name, one_to_one) in enumerate([("one-to-one", True), ("with-nms", False)]):
    torch.manual_seed(seed)
    model = Detector(one_to_one).eval()
    randomize(model)
    export(name, model)
    model = model.double()
    pixels = torch.rand(1, 3, SIZE, SIZE).double()
    sizes = {"C4": 2 * WIDTH, "P3": 2 * WIDTH, "P5": 4 * WIDTH}
    given = {"pixels": pixels, "border": 0.3 * torch.randn(3, len(ring())).double()}
    for stage, channels in sizes.items():
        given[f"scale.{stage}"], given[f"shift.{stage}"] = (0.3 * torch.randn(2, channels).double()).unbind(0)
    weights = [torch.randn(*x.shape).double() for x in model.stages(pixels)]
    leaves = {key: x.clone().requires_grad_() for key, x in given.items() if key != "pixels"}
    full = torch.zeros(3, SIZE * SIZE).double().index_copy(1, ring(), leaves["border"]).view(3, SIZE, SIZE)
    stages = model.stages(
        pixels + full,
        lambda stage, x: x * (1 + leaves[f"scale.{stage}"][:, None, None]) + leaves[f"shift.{stage}"][:, None, None] if stage in sizes else x,
    )
    loss = sum((x * w).sum() for x, w in zip(stages, weights))
    loss.backward()
    out = {**given, **{f"weight.P{at + 3}": w for at, w in enumerate(weights)}}
    out |= {f"wanted.P{at + 3}": x for at, x in enumerate(stages)} | {f"plain.P{at + 3}": x for at, x in enumerate(model.stages(pixels))}
    out |= {f"grad.{key}": x.grad for key, x in leaves.items()} | {"loss": loss}
    save_file({key: x.detach().float().contiguous() for key, x in out.items()}, here / f"{name}.safetensors")
