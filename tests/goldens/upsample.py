"""Writes what PyTorch's F.interpolate(align_corners=False) makes of maps that both sides make by the same formula.

Goes to crates/camtui-core/tests/data/upsample.json: 128 values of each result and the sum of its magnitudes.
Needs from PyPI: torch. Run from anywhere: python tests/goldens/upsample.py
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

OUT = Path(__file__).resolve().parents[2] / "crates/camtui-core/tests/data/upsample.json"


def formula(height, width):
    i = torch.arange(height * width)
    return (((i * i * 7 + i * 3) % 101).double() / 50 - 1).view(1, 1, height, width)


cases = []
for source, target in [
    ((7, 7), (224, 224)), ((7, 7), (427, 640)), ((14, 14), (1080, 1920)), ((1, 1), (5, 3)), ((3, 5), (4, 4)),
    ((2, 9), (31, 17)), ((56, 56), (20, 33)), ((7, 7), (7, 7)), ((4, 4), (9, 3)),
]:
    for kind in ["bilinear", "nearest", "bicubic"]:
        options = {"mode": "nearest-exact"} if kind == "nearest" else {"mode": kind, "align_corners": False}
        out = F.interpolate(formula(*source), size=target, **options).flatten()
        samples = [round(float(out[i * 7919 % len(out)]), 7) for i in range(128)]
        total = float(out.abs().sum())
        cases.append({"from": source, "to": target, "kind": kind, "total": total, "samples": samples})
OUT.write_text(json.dumps(cases) + "\n")
