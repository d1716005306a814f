"""Writes tiny pictures of every kind that camtui reads, and the pixels Pillow finds in them.

The files go to crates/camtui-core/tests/data/pictures, the expected RGB to expected.json beside them:
{file: {width, height, tolerance, rgb (hex, row by row)}}. `tolerance` is in 8-bit levels: 0 for lossless pictures, a
few for JPEG and lossy WebP, whose decoders may round differently, 1 where 16 bits or an alpha channel are rounded.

Needs from PyPI: pillow, numpy, tifffile. Run from anywhere: python tests/goldens/pictures.py
"""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageOps

OUT = Path(__file__).resolve().parents[2] / "crates/camtui-core/tests/data/pictures"
OUT.mkdir(parents=True, exist_ok=True)
W, H = 16, 8
expected = {}

# Four blocks of 8×4 whose colours differ, with a slope inside each, so that no turn or flip looks like another.
y, x = np.mgrid[0:H, 0:W]
base = np.zeros((H, W, 3), np.uint8)
base[:4, :8] = (200, 40, 30)
base[:4, 8:] = (30, 180, 60)
base[4:, :8] = (40, 60, 210)
base[4:, 8:] = (220, 210, 70)
base = np.clip(base.astype(int) + (x * 2 + y)[..., None] - 12, 0, 255).astype(np.uint8)
alpha = ((x * 16 + y * 2) % 256).astype(np.uint8)
rgb = Image.fromarray(base)
grey = rgb.convert("L")
rgba = Image.fromarray(np.dstack([base, alpha]))


def over_white(image):
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def expect(name, image=None, tolerance=0):
    """Records `image`, or what Pillow reads from the file, as the expected pixels."""
    if image is None:
        image = ImageOps.exif_transpose(Image.open(OUT / name))
        clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        image = over_white(image) if clear else image.convert("RGB")
    expected[name] = {
        "width": image.width,
        "height": image.height,
        "tolerance": tolerance,
        "rgb": image.tobytes().hex(),
    }


def save(name, image, tolerance=0, expectation=None, **options):
    image.save(OUT / name, **options)
    expect(name, expectation, tolerance)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def png(name, samples, colour):
    """A PNG of 16-bit samples, which Pillow does not write. `colour` is the format's colour type."""
    height, width = samples.shape[:2]

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (OUT / name).write_bytes(data)


def eight(samples):
    return np.floor(samples / 257 + 0.5).astype(np.uint8)


# JPEG: every orientation, grey, progressive, subsampled, and four inks in three ways.
jpeg = {"quality": 92, "subsampling": 0}
for turn in range(1, 9):
    save(f"exif-{turn}.jpg", rgb, 2, exif=exif(turn), **jpeg)
save("grey.jpg", grey, 2, quality=92)
save("progressive.jpg", rgb, 2, progressive=True, **jpeg)
save("subsampled.jpg", rgb, 12, quality=92, subsampling=2)
cmyk = Image.fromarray(np.dstack([255 - base, alpha // 3]), mode="CMYK")
save("cmyk.jpg", cmyk, 3, **jpeg)
inks = (OUT / "cmyk.jpg").read_bytes()
at = inks.index(b"Adobe")
assert inks[at + 11] == 0, "the transform byte of plain CMYK"
# The same samples read as YCCK, and without the marker that says how to read them.
(OUT / "ycck.jpg").write_bytes(inks[: at + 11] + b"\2" + inks[at + 12 :])
expect("ycck.jpg", tolerance=3)
length = struct.unpack(">H", inks[at - 2 : at])[0]
(OUT / "cmyk-unmarked.jpg").write_bytes(inks[: at - 4] + inks[at - 2 + length :])
expect("cmyk-unmarked.jpg", tolerance=3)

# PNG
save("rgb.png", rgb)
save("grey.png", grey)
save("bilevel.png", grey.convert("1"))
save("palette.png", rgb.quantize(8))
save("palette-clear.png", rgb.quantize(8), transparency=3)
save("rgba.png", rgba, 1)
save("grey-alpha.png", rgba.convert("LA"), 1)
save("exif-6.png", rgb, exif=exif(6))
wide = base.astype(np.uint16) * 256 + (x * 13 + y * 7)[..., None].astype(np.uint16)
wide_alpha = alpha.astype(np.uint16) * 257
png("rgb-16.png", wide, 2)
expect("rgb-16.png", Image.fromarray(eight(wide)))
png("grey-16.png", wide[..., :1], 0)
expect("grey-16.png", Image.fromarray(eight(wide[..., [0, 0, 0]])))
png("rgba-16.png", np.dstack([wide, wide_alpha]), 6)
expect("rgba-16.png", over_white(Image.fromarray(np.dstack([eight(wide), alpha]))), 1)

# WebP
save("lossy.webp", rgb, 6, quality=90)
save("lossless.webp", rgb, lossless=True)
save("alpha.webp", rgba, 1, lossless=True, exact=True)
save("exif-8.webp", rgb, lossless=True, exif=exif(8))
save("animated.webp", rgb, save_all=True, append_images=[ImageOps.invert(rgb)], lossless=True)

# GIF: the first of two frames, and a clear colour.
save("animated.gif", rgb, save_all=True, append_images=[ImageOps.invert(rgb)], duration=100)
save("clear.gif", rgb.quantize(8), transparency=2)

# BMP
save("rgb.bmp", rgb)
save("grey.bmp", grey)
save("bilevel.bmp", grey.convert("1"))
save("palette.bmp", rgb.quantize(8))

# TIFF
save("rgb.tiff", rgb)
save("lzw.tiff", rgb, compression="tiff_lzw")
save("deflate.tiff", rgb, compression="tiff_adobe_deflate")
save("grey.tiff", grey)
save("rgba.tiff", rgba, 1)
save("bilevel.tiff", grey.convert("1"))
save("cmyk.tiff", cmyk, 1)
save("turned.tiff", rgb, tiffinfo={0x0112: 6})
tifffile.imwrite(OUT / "grey-16.tiff", wide[..., 0])
expect("grey-16.tiff", Image.fromarray(eight(wide[..., [0, 0, 0]])))
tifffile.imwrite(OUT / "rgb-16-big.tiff", wide, byteorder=">", photometric="rgb")
expect("rgb-16-big.tiff", Image.fromarray(eight(wide)))
tifffile.imwrite(OUT / "rgb-float.tiff", base.astype(np.float32) / 255, photometric="rgb")
expect("rgb-float.tiff", rgb, 1)
tifffile.imwrite(OUT / "grey-float.tiff", base[..., 0].astype(np.float32) / 255)
expect("grey-float.tiff", Image.fromarray(base[..., [0, 0, 0]]), 1)

# What is refused: palettes in TIFF files, and float pixels that are no brightness from 0 to 1.
rgb.quantize(8).save(OUT / "palette.refused.tiff")
for name, worst in [("float-range", 300.0), ("float-nan", np.nan)]:
    samples = base.astype(np.float32) / 255
    samples[2, 3, 1] = worst
    tifffile.imwrite(OUT / f"{name}.refused.tiff", samples, photometric="rgb")

(OUT / "expected.json").write_text(json.dumps(expected, indent=0) + "\n")
print(f"{len(expected)} pictures")
