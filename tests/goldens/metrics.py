"""Writes data/metrics.json: metrics of made-up maps on a made-up network, for crates/camtui-core/src/metrics.

ROAD is pytorch-grad-cam's own `ROADCombined`, its noise set to 0 (it draws from PyTorch's generator). Deletion and insertion
are the published procedure of RISE, written out here with PyTorch: as many steps as pixels divide into, zeros and a blur
by an 11 x 11 Gaussian of standard deviation 5, zeros beyond the border, the area by trapezoids. Drop, increase and ADCC are
the papers' formulas in numpy; the Gini coefficient is the mean absolute difference over twice the mean.

Everything is in double precision but what the peer computes in single. Needs from PyPI: torch, numpy, grad-cam. Run from the
repository's root:

    python tests/goldens/metrics.py
"""

import json
import pathlib

import numpy as np
import torch
from pytorch_grad_cam.metrics import road

import seeded

HEIGHT, WIDTH, STEPS = 18, 22, 9


class Network(torch.nn.Module):
    """Softmax probabilities `[n, 3]` of `[n, 3, H, W]`, of sines of weighted sums. The weights are sines, so both sides have them."""

    def forward(self, x):
        flat = x.double().flatten(1)
        weights = torch.sin(0.37 * torch.arange(3 * flat.shape[1], dtype=torch.float64)).reshape(3, -1)
        return torch.softmax(3 * torch.sin(flat @ weights.T / 9), 1)


def class_0(output):
    return output[0]


def area(scores):
    return float((scores[:-1] + scores[1:]).sum() / 2 / (len(scores) - 1))


def blurred(x):
    taps = torch.exp(-torch.arange(-5.0, 6.0, dtype=torch.float64) ** 2 / 50)
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    return torch.nn.functional.conv2d(x.transpose(0, 1), kernel[None, None], padding=5).transpose(0, 1)


def exchanged(cam, start, end, model):
    order = np.argsort(-cam.ravel(), kind="stable")
    scores = []
    for step in range(STEPS + 1):
        now = start.clone().flatten(2)
        chosen = order[:step * order.size // STEPS]
        now[:, :, chosen] = end.flatten(2)[:, :, chosen]
        scores.append(model(now.reshape(start.shape))[0, 0].item())
    return np.array(scores)


def gini(values):
    values = values.ravel().astype(np.float64)
    return float(np.abs(values[:, None] - values[None]).mean() / (2 * values.mean()))


def case(name, cam, other):
    model = Network()
    x = torch.from_numpy(seeded.uniform("metrics", (1, 3, HEIGHT, WIDTH), 1, -1.0, 1.0))
    wide = x.double()
    road.NoisyLinearImputer.__init__.__defaults__ = (0.0, road.neighbors_weights)
    combined = road.ROADCombined()(x, cam[None], [class_0], model)[0]
    deletion = exchanged(cam, wide, torch.zeros_like(wide), model)
    insertion = exchanged(cam, blurred(wide), wide, model)
    before, after = (model(v)[0, 0].item() for v in (wide, wide * torch.from_numpy(cam).double()))
    drop = max(0.0, before - after) / before
    coherency = (np.corrcoef(cam.ravel(), other.ravel())[0, 1] + 1) / 2
    complexity = cam.astype(np.float64).mean()
    frame = np.ones((HEIGHT, WIDTH), bool)
    frame[2:-2, 2:-2] = False
    return {
        "name": name, "map": numbers(cam), "other": numbers(other), "road": float(combined),
        "deletion": numbers(deletion), "deletion_area": area(deletion),
        "insertion": numbers(insertion), "insertion_area": area(insertion), "drop": drop, "increases": after > before,
        "adcc": float(3 / (1 / coherency + 1 / (1 - complexity) + 1 / (1 - drop))),
        "sparsity": gini(cam), "border_mass": float(cam[frame].sum(dtype=np.float64) / cam.sum(dtype=np.float64)),
    }


def numbers(array):
    return [float(f"{value:.9g}") for value in np.asarray(array, np.float64).ravel()]


def main():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    peak = np.exp(-((rows - 5) ** 2 + (columns - 14) ** 2) / 30)
    draw = seeded.uniform("map", (HEIGHT, WIDTH), 1, 0.0, 1.0)
    flat = np.where(peak > 0.4, 1.0, np.where(peak > 0.1, 0.5, 0.0))
    maps = {"peak": peak, "noise": draw, "plateaus": flat}
    maps = {name: np.float32(np.round(cam, 4)) for name, cam in maps.items()}
    names = list(maps)
    cases = [case(name, maps[name], maps[names[(n + 1) % 3]]) for n, name in enumerate(names)]
    lines = ",\n".join(json.dumps(found, separators=(",", ":")) for found in cases)
    (pathlib.Path(__file__).resolve().parent / "data" / "metrics.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
