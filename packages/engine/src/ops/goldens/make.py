"""Writes rows.json: PyTorch's outputs and gradients for every op with a gradient rule, in float64.

    python make.py        (torch 2.13, CPU)

A row is what ops/testing.ts calls a Row. Inputs and upstream gradients are multiples of 1/1024, which float32 holds
exactly: they may be constants of a graph.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
rows = []


def draw(*dims, low=-2.0, high=2.0):
    return ((torch.rand(dims) * (high - low) + low) * 1024).round() / 1024


def cell(tensor, constant=False):
    kind = {torch.float64: "float32", torch.int64: "int64", torch.bool: "bool"}[tensor.dtype]
    data = tensor.detach().flatten().tolist()
    found = {"type": kind, "dims": list(tensor.shape), "data": [int(x) if kind == "bool" else x for x in data]}
    return {**found, "constant": True} if constant else found


def row(op, f, *inputs, **attributes):
    """inputs: a float tensor is differentiated by, a list is a constant int64 vector, ("const", tensor) any constant."""
    variables, cells, arguments = [], [], []
    for given in inputs:
        if isinstance(given, list):
            cells.append(cell(torch.tensor(given, dtype=torch.int64), constant=True))
        elif isinstance(given, tuple):
            cells.append(cell(given[1], constant=True))
            arguments.append(given[1])
        elif given is None:
            cells.append(None)
        else:
            cells.append(cell(given))
            if given.dtype == torch.float64:
                given = given.clone().requires_grad_()
                variables.append((len(cells) - 1, given))
            arguments.append(given)
    outputs = f(*arguments)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    upstream = [draw(*output.shape) for output in outputs]
    loss = sum((output * weight).sum() for output, weight in zip(outputs, upstream))
    slopes = torch.autograd.grad(loss, [variable for _, variable in variables])
    gradients = [None] * len(inputs)
    for (index, _), slope in zip(variables, slopes):
        gradients[index] = slope.flatten().tolist()
    rows.append(
        {
            "op": op,
            "inputs": cells,
            "attributes": {
                key: {"type": "float", "value": value} if isinstance(value, float) else value
                for key, value in attributes.items()
            },
            "outputs": [cell(output) for output in outputs],
            "upstream": [weight.flatten().tolist() for weight in upstream],
            "gradients": gradients,
        }
    )


for op, f in {
    "Neg": torch.neg,
    "Exp": torch.exp,
    "Reciprocal": torch.reciprocal,
    "Abs": torch.abs,
    "Erf": torch.erf,
    "Tanh": torch.tanh,
    "Sigmoid": torch.sigmoid,
    "Relu": torch.relu,
    "Softplus": F.softplus,
    "Sin": torch.sin,
    "Cos": torch.cos,
    "Gelu": F.gelu,
    "Identity": torch.clone,
}.items():
    row(op, f, draw(3, 7, low=-5, high=5))
row("Cast", torch.clone, draw(2, 3), to=1)
row("Log", torch.log, draw(3, 7, low=0.1))
row("Sqrt", torch.sqrt, draw(3, 7, low=0.1))

for op, f in {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Max": torch.maximum, "Min": torch.minimum}.items():
    row(op, f, draw(2, 3, 4), draw(3, 1))
    row(op, f, draw(4), draw(2, 1, 4))
row("Div", torch.div, draw(2, 3, 4), draw(3, 1, low=0.5))
row("Div", torch.div, draw(4), draw(2, 3, 4, low=0.5))
row("Pow", torch.pow, draw(3, 4), ("const", torch.tensor(3.0)))
row("Pow", torch.pow, draw(3, 4, low=0.1), ("const", torch.tensor([0.5, 2.0, -1.0, 1.5])))
row("Where", torch.where, draw(2, 1, 4) > 0, draw(2, 3, 4), draw(3, 1))
low, high = torch.tensor(-1.0), torch.tensor(0.75)
row("Clip", torch.clamp, draw(3, 5), ("const", low), ("const", high))

row("MatMul", torch.matmul, draw(3, 4), draw(4, 2))
row("MatMul", torch.matmul, draw(2, 3, 4), draw(4, 5))
row("MatMul", torch.matmul, draw(3, 4), draw(2, 1, 4, 2))
row("MatMul", torch.matmul, draw(2, 1, 3, 4), draw(1, 3, 4, 2))
row("Gemm", lambda a, b: 1.5 * a @ b, draw(3, 4), draw(4, 2), alpha=1.5)
row("Gemm", lambda a, b: a.T @ b, draw(4, 3), draw(4, 2), transA=1)
row("Gemm", lambda a, b, c: a @ b.T + c, draw(3, 4), draw(2, 4), draw(2), transB=1)
row(
    "Gemm",
    lambda a, b, c: 0.5 * a.T @ b.T - 2 * c,
    draw(4, 3),
    draw(2, 4),
    draw(3, 1),
    transA=1,
    transB=1,
    alpha=0.5,
    beta=-2.0,
)

for op, f in {"ReduceSum": torch.sum, "ReduceMean": torch.mean, "ReduceMax": torch.amax}.items():
    row(op, lambda x: f(x, (0, 2)), draw(2, 3, 4), [0, -1], keepdims=0)
    row(op, lambda x: f(x, 1, keepdim=True), draw(2, 3, 4), [1])
    row(op, lambda x: f(x, (0, 1, 2)), draw(2, 3, 4), keepdims=0)
for op, f in {"Softmax": torch.softmax, "LogSoftmax": torch.log_softmax}.items():
    row(op, lambda x: f(x, -1), draw(2, 3, 5))
    row(op, lambda x: f(x, 1), draw(2, 3, 5), axis=1)
row("LayerNormalization", lambda x, s, b: F.layer_norm(x, (6,), s, b, 1e-5), draw(2, 3, 6), draw(6), draw(6), epsilon=1e-5)
row("LayerNormalization", lambda x, s: F.layer_norm(x, (3, 4), s, None, 1e-3), draw(2, 3, 4), draw(3, 4), axis=1, epsilon=1e-3)

row("Reshape", lambda x: x.reshape(4, 6), draw(2, 3, 4), [4, -1])
row("Unsqueeze", lambda x: x[:, None, :, None], draw(2, 3), [1, -1])
row("Squeeze", lambda x: x.squeeze(1), draw(2, 1, 3), [1])
row("Transpose", lambda x: x.permute(2, 0, 3, 1), draw(2, 3, 2, 4), perm=[2, 0, 3, 1])
row("Expand", lambda x: x.expand(2, 3, 4), draw(3, 1), [2, 3, 4])
row("Concat", lambda a, b, c: torch.cat([a, b, c], 1), draw(2, 1, 3), draw(2, 2, 3), draw(2, 1, 3), axis=-2)
row("Split", lambda x: x.split([1, 4, 2], 1), draw(2, 7), [1, 4, 2], axis=1)
row("Slice", lambda x: x[1:3, :, 2:4], draw(4, 2, 5), [1, -3], [3, -1], [0, 2])
row("Pad", lambda x, _: F.pad(x, (1, 2, 0, 1), value=3.5), draw(2, 3), [0, 1, 1, 2], ("const", torch.tensor(3.5)))
row("CumSum", lambda x, _: x.cumsum(1), draw(2, 4, 3), ("const", torch.tensor(1)))
row("CumSum", lambda x, _: x.flip(0).cumsum(0).flip(0), draw(4, 3), ("const", torch.tensor(0)), reverse=1)
row("Trilu", lambda x, _: x.triu(1), draw(2, 4, 4), ("const", torch.tensor(1)))
row("Trilu", lambda x, _: x.tril(-1), draw(4, 3), ("const", torch.tensor(-1)), upper=0)

row("Gather", lambda x, i: x[i], draw(6, 3), torch.tensor([[0, 5, 5], [2, 0, 5]]))
row("Gather", lambda x, i: x[:, i], draw(2, 4, 3), torch.tensor([3, 1, 3, 3]), axis=1)
row("Gather", lambda x, i: x[:, :, i], draw(2, 3, 4), torch.tensor([[3, 1], [0, 3]]), axis=-1)
row("Gather", lambda x, _: x[:, 2], draw(2, 3, 4), ("const", torch.tensor(2)), axis=1)
row("GatherElements", lambda x, i: x.gather(1, i), draw(3, 4), torch.tensor([[0, 0], [3, 1], [2, 2]]), axis=1)


def convolution(x, weight, bias=None, **options):
    pads = options.pop("pads", (0, 0, 0, 0))
    return F.conv2d(F.pad(x, (pads[1], pads[3], pads[0], pads[2])), weight, bias, **options)


row("Conv", lambda x, w, b: convolution(x, w, b, stride=2), draw(2, 3, 4, 6), ("const", draw(4, 3, 2, 2)), draw(4), strides=[2, 2])
row(
    "Conv",
    lambda x, w: convolution(x, w, stride=(2, 1), pads=(1, 0, 2, 1), dilation=(1, 2), groups=2),
    draw(1, 4, 5, 6),
    ("const", draw(6, 2, 3, 2)),
    strides=[2, 1],
    pads=[1, 0, 2, 1],
    dilations=[1, 2],
    group=2,
)
row("Conv", lambda x, w: convolution(x, w, stride=3, pads=(1, 1, 1, 1)), draw(1, 2, 6, 7), ("const", draw(2, 2, 3, 3)), strides=[3, 3], pads=[1, 1, 1, 1])

row("ConvTranspose", lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1), draw(2, 3, 3, 4), ("const", draw(3, 2, 4, 4)), draw(2), strides=[2, 2], pads=[1, 1, 1, 1])
row(
    "ConvTranspose",
    lambda x, w: F.conv_transpose2d(x, w, None, (2, 3), (1, 0), (1, 0), 2, (1, 2)),
    draw(1, 4, 3, 3),
    ("const", draw(4, 1, 2, 3)),
    strides=[2, 3],
    pads=[1, 0, 1, 0],
    dilations=[1, 2],
    group=2,
    output_padding=[1, 0],
)
row("MaxPool", lambda x: F.max_pool2d(x, 5, 1, 2), draw(2, 3, 6, 5), kernel_shape=[5, 5], pads=[2, 2, 2, 2])
row("MaxPool", lambda x: F.max_pool2d(x, (2, 3), (2, 1), (0, 1), (1, 2)), draw(1, 2, 5, 7), kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 0, 1], dilations=[1, 2])
row("AveragePool", lambda x: F.avg_pool2d(x, 3, 2, 1), draw(2, 3, 6, 5), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
row("AveragePool", lambda x: F.avg_pool2d(x, (2, 3), (2, 2), (0, 1), count_include_pad=False), draw(1, 2, 5, 7), kernel_shape=[2, 3], strides=[2, 2], pads=[0, 1, 0, 1])
statistics = [("const", each) for each in (draw(3), draw(3), draw(3), draw(3, low=0.25))]
row("BatchNormalization", lambda x, s, b, m, v: F.batch_norm(x, m, v, s, b, eps=1e-3), draw(2, 3, 2, 3), *statistics, epsilon=1e-3)
for size, options in [((4, 6), {}), ((5, 3), {})]:
    for mode in ["linear", "cubic"]:
        name = "bi" + mode
        row(
            "Resize",
            lambda x: F.interpolate(x, size, mode=name, align_corners=False),
            draw(2, 2, 3, 4),
            None,
            None,
            [2, 2, *size],
            mode=mode,
            coordinate_transformation_mode="pytorch_half_pixel",
        )
row("Resize", lambda x: F.interpolate(x, (7, 3), mode="bilinear", align_corners=True), draw(1, 2, 3, 4), None, None, [1, 2, 7, 3], mode="linear", coordinate_transformation_mode="align_corners")
row(
    "Resize",
    lambda x: F.interpolate(x, (3, 2), mode="bicubic", align_corners=False, antialias=True),
    draw(1, 2, 7, 6),
    None,
    None,
    [1, 2, 3, 2],
    mode="cubic",
    cubic_coeff_a=-0.5,
    antialias=1,
    exclude_outside=1,
)
row(
    "Resize",
    lambda x, _: F.interpolate(x, scale_factor=(2, 3), mode="nearest"),
    draw(1, 2, 3, 2),
    None,
    ("const", torch.tensor([1.0, 1.0, 2.0, 3.0])),
    mode="nearest",
    coordinate_transformation_mode="asymmetric",
    nearest_mode="floor",
)

lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in rows)
pathlib.Path(__file__).with_name("rows.json").write_text(f"[\n{lines}\n]\n")
