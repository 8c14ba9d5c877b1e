"""Images that sharp can't write and what Pillow reads from them. python make_images.py (Pillow 13)"""
import json, pathlib
from PIL import Image

here = pathlib.Path(__file__).parent
inks = [(255, 0, 0, 0), (0, 128, 200, 50), (30, 60, 90, 120), (0, 0, 0, 255)]
cmyk = Image.new("CMYK", (32, 32))
for i, ink in enumerate(inks):
    cmyk.paste(ink, (8 * i, 0, 8 * i + 8, 32))
cmyk.save(here / "cmyk.jpg", quality=100)  # Pillow marks it as Adobe's and stores the inks inverted
cmyk.save(here / "cmyk.tif", compression="tiff_lzw")
bits = Image.new("1", (16, 16))
for i in range(16):
    bits.putpixel((i, i), 1)
bits.save(here / "one-bit.png")
colours = {name: [Image.open(here / name).convert("RGB").getpixel((8 * i + 4, 16)) for i in range(4)] for name in ("cmyk.jpg", "cmyk.tif")}
(here / "images.json").write_text(json.dumps(colours) + "\n")
