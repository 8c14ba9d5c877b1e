"""Masks in PNG's kinds as Pillow writes them. python make_label_maps.py (Pillow 13)"""
import json, pathlib
from PIL import Image

here = pathlib.Path(__file__).parent
numbers = [(x * 3 + y * 5) % 4 for y in range(6) for x in range(7)]


def grey(mode, scale=1):
    image = Image.new(mode, (7, 6))
    image.putdata([n * scale for n in numbers])
    return image


palette = grey("P")
palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] + [0] * 756)
palette.save(here / "mask-palette.png")
palette.save(here / "mask-palette-2-bit.png", bits=2)
grey("L").save(here / "mask-grey.png")
(here / "label-maps.json").write_text(json.dumps(numbers) + "\n")
