"""Writes crates/camtui-core/src/heatmap/tables.rs, and what cv2 says of every colour map for the tests.

Needs from PyPI: matplotlib, numpy, opencv-python-headless. Run from anywhere: python tests/goldens/colormaps.py
"""

from pathlib import Path

import cv2
import matplotlib
import numpy as np

CORE = Path(__file__).resolve().parents[2] / "crates/camtui-core"
HEADER = """//! The colour maps that are data rather than formulas, 256 colours each, in sRGB.
//!
//! `VIRIDIS`, `INFERNO` and `MAGMA` are by Nathaniel J. Smith, Stefan van der Walt and (viridis) Eric Firing, released
//! under CC0 with matplotlib. `TURBO` is by Anton Mikhailov, copyright 2019 Google LLC, under the Apache License 2.0.
//! Written by `tests/goldens/colormaps.py`, rounded to 8 bits.
"""

out = HEADER
for name in ["viridis", "inferno", "magma", "turbo"]:
    table = np.round(matplotlib.colormaps[name](np.arange(256))[:, :3] * 255).astype(int)
    numbers = ", ".join(str(v) for v in table.ravel())
    out += f"\npub(super) const {name.upper()}: [u8; 768] = [{numbers}];\n"
(CORE / "src/heatmap/tables.rs").write_text(out)

ramp = np.arange(256, dtype=np.uint8)[:, None]
jet = cv2.applyColorMap(ramp, cv2.COLORMAP_JET)[:, 0, ::-1]
(CORE / "tests/data/jet.rgb").write_bytes(np.ascontiguousarray(jet).tobytes())
