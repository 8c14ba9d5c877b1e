"""Makes mixed.safetensors with the reference implementation: pip install safetensors torch; python make.py"""

from pathlib import Path

import torch
from safetensors.torch import save_file

tensors = {
    "weight": torch.tensor([[1.5, -2.0, 0.1], [3.0, 65504.0, -0.0]], dtype=torch.float32),
    "double": torch.tensor([0.1, 1e300], dtype=torch.float64),
    "half": torch.tensor([1.0, -2.0, 6e-8], dtype=torch.float16),
    "brain": torch.tensor([1.0, -2.0, 3.140625], dtype=torch.bfloat16),
    "ids": torch.tensor([1, -(2**62)], dtype=torch.int64),
    "small": torch.tensor([7, -7], dtype=torch.int32),
    "quantised": torch.tensor([-128, 127, 0], dtype=torch.int8),
    "bytes": torch.tensor([0, 255], dtype=torch.uint8),
    "mask": torch.tensor([[True], [False]]),
    "scalar": torch.tensor(42.0),
    "empty": torch.zeros((0, 3)),
    "ünï.0": torch.tensor([9], dtype=torch.uint8),
}

save_file(tensors, Path(__file__).parent / "mixed.safetensors", metadata={"format": "pt", "note": 'a "quote" é'})
