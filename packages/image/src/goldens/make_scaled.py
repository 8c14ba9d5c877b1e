"""A small scene scaled by Pillow 13, whose filters most backbones were trained with. python make_scaled.py"""
import json, pathlib
import numpy as np
from PIL import Image

y, x = np.mgrid[0:45, 0:60]
scene = (120 + 70 * np.sin(x / 9) * np.cos(y / 7) + 40 * (x > 30) + (x * 7 + y * 13) % 17).astype(np.uint8)
cases = []
for kernel, name in ((Image.BILINEAR, "linear"), (Image.BICUBIC, "cubic")):
    for size in ((28, 21), (18, 15), (5, 4), (100, 70)):
        cases.append({"kernel": name, "width": size[0], "height": size[1], "pixels": np.asarray(Image.fromarray(scene).resize(size, kernel)).flatten().tolist()})
for one in cases:
    if one["width"] == 100:  # a row is enough of the large one
        one["pixels"] = one["pixels"][35 * 100 : 36 * 100]
pathlib.Path(__file__).with_name("scaled.json").write_text(json.dumps({"scene": scene.flatten().tolist(), "cases": cases}) + "\n")
