"""Writes data/formulas.json: maps of pytorch-grad-cam's and Captum's own code, for crates/camtui-host/tests/formulas.rs.

A layer's activations and gradients are made up, as after a ReLU and as before one, with more channels than positions and
fewer, and handed to `get_cam_image` of each class of pytorch-grad-cam: the map before its ReLU and before it is enlarged.
Occlusion runs on a small quadratic network, so that patches that overlap do not just add up.

Where the peer is not taken as it is:
- Eigen-CAM's and Eigen-Grad-CAM's sign is arbitrary there (the SVD's), and so is that of `eigen_smooth`; here the map rises
  with the sum over channels, so the sign is turned. FEM is not smoothed there.
- FEM with one standard deviation instead of two, which few of so few positions exceed.
- Captum's Occlusion gives one value a pixel; camtui one a cell of the stride's size: the mean over the cell's pixels.

Everything is in double precision, so that what differs is the formula. Needs from PyPI: torch, numpy, grad-cam, captum.
Run from the repository's root:

    python tests/goldens/formulas.py
"""

import functools
import json
import math
import pathlib

import numpy as np
import torch
from captum.attr import Occlusion
from pytorch_grad_cam import (EigenCAM, EigenGradCAM, FEM, GradCAM, GradCAMElementWise, GradCAMPlusPlus, HiResCAM,
                              LayerCAM, XGradCAM)

import seeded

PEERS = {"grad-cam": GradCAM, "grad-cam++": GradCAMPlusPlus, "hires-cam": HiResCAM, "xgrad-cam": XGradCAM,
         "layer-cam": LayerCAM, "eigen-cam": EigenCAM, "eigen-grad-cam": EigenGradCAM,
         "elementwise-cam": GradCAMElementWise, "fem": functools.partial(FEM, k=1)}


def raw_map(peer, activations, gradients, eigen_smooth=False):
    """The peer's map `[h, w]` of a layer `[1, K, h, w]`: its formula alone, without a model around it."""
    model = torch.nn.Linear(1, 1)  # never run
    image = lambda eigen: peer(model, [model]).get_cam_image(None, None, None, activations, gradients, eigen)[0]
    found = image(eigen_smooth)
    if eigen_smooth or peer in (EigenCAM, EigenGradCAM):
        of_peer = {EigenCAM: activations, EigenGradCAM: gradients * activations}
        total = of_peer[peer][0].sum(0) if peer in of_peer else image(False)
        found = found * np.sign((found * (total - total.mean())).sum())
    return found


def case(name, shape, scale, after_relu):
    draw = lambda what, low, high: seeded.uniform(f"{name}.{what}", shape, 1, low, high)
    activations, gradients = draw("activation", -1.0, 2.0), draw("gradient", -scale, scale)
    if after_relu:
        activations = np.maximum(activations, 0)
        activations[0] = 0  # a dead channel
        gradients[gradients < -0.6 * scale] = 0  # closed units further up
    else:
        # Sums away from zero: what rounding makes of a sum near it is not the formula's.
        sums = activations.sum((1, 2))
        assert np.abs(sums).min() > 0.3, sums
    activations, gradients = np.round(activations, 4), np.float32(np.round(gradients / scale, 4) * scale)
    wide = activations[None].astype(np.float64), gradients[None].astype(np.float64)
    maps = {id: raw_map(peer, *wide) for id, peer in PEERS.items()}
    smoothed = {id: raw_map(peer, *wide, True) for id, peer in PEERS.items() if not id.startswith("eigen") and id != "fem"}
    assert all(np.isfinite(found).all() for found in maps.values())
    return {
        "name": name, "shape": list(shape), "activation": numbers(activations), "gradient": numbers(gradients),
        "maps": {id: numbers(found) for id, found in maps.items()},
        "smoothed": {id: numbers(found) for id, found in smoothed.items()},
    }


def numbers(array):
    return [float(f"{value:.8g}") for value in np.asarray(array, np.float64).ravel()]


def network(x):
    """Logits `[n, 3]` of `[n, 3, 9, 11]`: squares of weighted sums. The weights are sines, so both sides have them."""
    flat = x.flatten(1)
    weights = torch.sin(0.37 * torch.arange(3 * flat.shape[1], dtype=flat.dtype)).reshape(3, -1)
    return (flat @ weights.T / 5) ** 2


def cells(length, stride):
    count = math.ceil(length / stride)
    return [slice(n * length // count, (n + 1) * length // count) for n in range(count)]


def occlusion(window, stride, baseline, seed):
    x = torch.from_numpy(seeded.uniform("occlusion", (1, 3, 9, 11), 1, -1.0, 1.0).round(4)).double()
    low_high = {"mean": (0, 0, 0), "black": (-2, -1, 0), "white": (2, 3, 1)}[baseline]
    fill = torch.tensor(low_high, dtype=x.dtype).reshape(1, 3, 1, 1).expand_as(x)
    score = lambda inputs: network(inputs) @ torch.tensor(seed, dtype=x.dtype)
    found = Occlusion(score).attribute(x, (3, window, window), (3, stride, stride), baselines=fill)
    assert torch.allclose(found[:, :1], found), "a patch covers all channels"
    found = found[0, 0].numpy()
    map = [[found[rows, columns].mean() for columns in cells(11, stride)] for rows in cells(9, stride)]
    return {"window": window, "stride": stride, "baseline": baseline, "seed": seed, "input": numbers(x),
            "height": len(map), "width": len(map[0]), "map": numbers(map)}


def main():
    layers = [
        case("after a ReLU, few positions", (7, 2, 3), 2e-3, True),
        case("after a ReLU, few channels", (3, 4, 5), 0.5, True),
        case("before a ReLU", (5, 3, 3), 0.2, False),
    ]
    patches = [
        occlusion(3, 3, "mean", [1.0, 0.0, 0.0]),
        occlusion(4, 2, "black", [0.0, 1.0, 0.0]),
        occlusion(5, 3, "white", [1.0, 0.0, -1.0]),
        occlusion(3, 1, "mean", [0.0, -1.0, 1.0]),
    ]
    for other in patches[1:]:
        del other["input"]
    target = pathlib.Path(__file__).resolve().parent / "data/formulas.json"
    target.write_text(json.dumps({"layers": layers, "occlusion": patches}, separators=(",", ":")) + "\n")
    print(target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
