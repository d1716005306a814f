"""Writes data/passes.json: maps of the peers' own code on a small network, for crates/camtui-host/tests/passes.rs.

The network has two convolutions with a bias and a ReLU each, a pooling between them, global average pooling and one linear
layer; its weights are in the file. Both sides run it in double precision.

- pytorch-grad-cam's code: AblationCAM, ScoreCAM and ShapleyCAM (`get_cam_weights`), the target of FinerCAM, FullGrad.
- Captum's: Saliency, InputXGradient, IntegratedGradients, GuidedBackprop, GuidedGradCam.
- By PyTorch from the paper's formula, because no peer has it as it is here: Recipro-CAM and RISE (no peer has them);
  SmoothGrad (Captum averages absolute values); SS-CAM and IS-CAM (torch-cam spreads masks before enlarging them, and adds
  IS-CAM's shares up); FullGrad without scaling; Shapley-CAM's curvature with a smooth activation. Random numbers are
  camtui's own (splitmix.py).

Needs from PyPI: torch, numpy, grad-cam, captum. Run from the repository's root:

    python tests/goldens/passes.py
"""

import json
import math
import pathlib

import numpy as np
import torch
from captum import attr
from pytorch_grad_cam import AblationCAM, FullGrad, ScoreCAM, ShapleyCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputReST, ClassifierOutputTarget, FinerWeightedTarget
from torch.nn import functional as F

import seeded
from formulas import numbers
from splitmix import Random

HEIGHT, WIDTH, CLASSES = 8, 10, 5
LOW, HIGH = torch.tensor([-2.0, -1.0, 0.0]), torch.tensor([2.0, 3.0, 1.0])
SEED = 42


def weight(name, shape):
    bound = 0.3 if len(shape) == 1 else math.sqrt(6 / math.prod(shape[1:]))
    return seeded.uniform(f"passes.{name}", shape, 1, -bound, bound).round(4).astype(np.float64)


class Small(torch.nn.Module):
    def __init__(self, smooth=False):
        super().__init__()
        act = torch.nn.Softplus if smooth else torch.nn.ReLU
        self.first, self.shallow = torch.nn.Conv2d(3, 5, 3, padding=1), act()
        self.pool = torch.nn.AvgPool2d(2)
        self.second, self.deep = torch.nn.Conv2d(5, 6, 3, padding=1), act()
        self.head = torch.nn.Linear(6, CLASSES)
        self.double().eval()
        self.load_state_dict({name: torch.from_numpy(weight(name, tuple(value.shape))) for name, value in
                              self.state_dict().items()})

    def forward(self, x):
        x = self.pool(self.shallow(self.first(x)))
        return self.head(self.deep(self.second(x)).mean((2, 3)))


def picture():
    return torch.from_numpy(seeded.uniform("passes", (1, 3, HEIGHT, WIDTH), 1, -1.0, 1.0).round(4)).double()


def held(model, layer, x):
    """The layer's output and the logits, joined."""
    kept = []
    hook = dict(model.named_modules())[layer].register_forward_hook(lambda *words: kept.append(words[2]))
    logits = model(x)
    hook.remove()
    return kept[0], logits


def tail(model, layer, activation):
    if layer == "shallow":
        activation = model.deep(model.second(model.pool(activation)))
    return model.head(activation.mean((2, 3)))


def weighted(weights, activation):
    return (torch.as_tensor(weights).reshape(-1, 1, 1) * activation[0]).sum(0)


class Contrast:
    """A seed as a target of pytorch-grad-cam."""

    def __init__(self, seed):
        self.seed = torch.tensor(seed, dtype=torch.float64)

    def __call__(self, output):
        return output @ self.seed


def hot(target):
    return [1.0 if c == target else 0.0 for c in range(CLASSES)]


def ablation(layer, seed):
    model, x = Small(), picture()
    activation, _ = held(model, layer, x)
    peer = AblationCAM(model, [dict(model.named_modules())[layer]])
    weights = peer.get_cam_weights(x, dict(model.named_modules())[layer], [Contrast(seed)], activation.detach().numpy(), None)
    sign = torch.sign(Contrast(seed)(model(x)[0]))  # the absolute denominator
    return weighted(weights * sign.item(), activation)


def score(layer, seed):
    model, x = Small(), picture()
    activation = held(model, layer, x)[0].detach()
    peer = ScoreCAM(model, [dict(model.named_modules())[layer]])
    return weighted(peer.get_cam_weights(x, None, [Contrast(seed)], activation.numpy(), None), activation)


def masks(activation):
    large = F.interpolate(activation, (HEIGHT, WIDTH), mode="bilinear", align_corners=True)[0]
    low, high = large.amin((1, 2), True), large.amax((1, 2), True)
    return (large - low) / (high - low + 1e-8)


def score_family(layer, seed, passes, change, keep=None):
    model, x = Small(), picture()
    activation = held(model, layer, x)[0].detach()
    keep = sorted(activation[0].var((1, 2)).argsort(descending=True)[:keep].tolist())
    scores = []
    for k in keep:
        changed = torch.stack([change(masks(activation)[k], n) for n in range(passes)])
        scores.append((model(x * changed[:, None]) @ Contrast(seed).seed).mean())
    return weighted(torch.stack(scores).softmax(0), activation[:, keep])


def smoothed(layer, seed):
    random = Random(SEED)
    return score_family(layer, seed, 4, lambda mask, _: mask + 0.5 * random.normals(HEIGHT, WIDTH))


def recipro(layer, seed):
    model, x = Small(), picture()
    activation = held(model, layer, x)[0].detach()
    _, channels, height, width = activation.shape
    spots = torch.eye(height * width, dtype=torch.float64).reshape(-1, 1, height, width)
    return (tail(model, layer, activation * spots) @ Contrast(seed).seed).reshape(height, width)


def finer(layer, target, among, alpha):
    model, x = Small(), picture()
    activation, logits = held(model, layer, x)
    order = np.argsort(np.abs((logits[0] - logits[0, target]).detach().numpy()))
    assert order[0] == target
    loss = FinerWeightedTarget(target, order[1:among + 1].tolist(), alpha)(logits[0])
    return weighted(torch.autograd.grad(loss, activation)[0].mean((2, 3)), activation)


def shapley(layer, target, smooth):
    model, x = Small(smooth), picture()
    activation, logits = held(model, layer, x)
    gradient = torch.autograd.grad(ClassifierOutputReST(target)(logits[0]), activation, create_graph=True)[0]
    peer = ShapleyCAM(model, [model.deep])
    return weighted(peer.get_cam_weights(x, None, None, activation, gradient), activation)


def gradients(x, seed, model):
    x = x.clone().requires_grad_(True)
    return torch.autograd.grad((model(x) @ Contrast(seed).seed).sum(), x)[0]


def smooth_grad(seed, samples, sigma):
    x, random = picture(), Random(SEED)
    deviation = sigma * (x.max() - x.min())
    noisy = torch.cat([(x + deviation * random.normals(*x.shape)).float().double() for _ in range(samples)])
    return gradients(noisy, seed, Small()).mean(0).abs().amax(0)


def scored(seed, smooth=False):
    model = Small(smooth)
    return model, lambda x: model(x) @ Contrast(seed).seed


def integrated(seed, steps, baseline, smooth):
    _, forward = scored(seed, smooth)
    empty = {"mean": torch.zeros(3), "black": LOW, "white": HIGH}[baseline].double().reshape(1, 3, 1, 1).expand_as(picture())
    found = attr.IntegratedGradients(forward).attribute(picture(), empty, n_steps=steps, method="gausslegendre")
    return found[0].sum(0)


class Scored(torch.nn.Module):
    """The score as a network, for what Captum wants modules for."""

    def __init__(self, seed):
        super().__init__()
        self.small, self.seed = Small(), Contrast(seed).seed

    def forward(self, x):
        return self.small(x) @ self.seed


def guided(seed):
    return attr.GuidedBackprop(Scored(seed)).attribute(picture().requires_grad_(True))[0].abs().amax(0)


def guided_grad_cam(layer, seed):
    model = Scored(seed)
    peer = attr.GuidedGradCam(model, getattr(model.small, layer))
    return peer.attribute(picture().requires_grad_(True), interpolate_mode="bilinear")[0].abs().amax(0)


def full_grad(seed):
    model, x = Small(), picture().requires_grad_(True)
    places = [held(model, layer, x) for layer in ("first", "second")]
    map = (x * gradients(x, seed, model)).abs()[0].sum(0)
    for (output, logits), conv in zip(places, (model.first, model.second)):
        gradient = torch.autograd.grad(logits[0] @ Contrast(seed).seed, output)[0]
        terms = (conv.bias.reshape(1, -1, 1, 1) * gradient).abs().sum(1, True)
        map = map + F.interpolate(terms, (HEIGHT, WIDTH), mode="bilinear", align_corners=False)[0, 0]
    return map


def full_grad_of_peer(seed):
    model, x = Small(), picture().requires_grad_(True)
    peer = FullGrad(model, [])
    peer.activations_and_grads(x)[0].matmul(Contrast(seed).seed).backward()
    return peer.compute_cam_per_layer(x, None, False)[0, 0]


def rise(seed, count, cells, p):
    model, x, random = Small(), picture(), Random(SEED)
    cell = [-(-side // cells) for side in (HEIGHT, WIDTH)]
    total = torch.zeros(HEIGHT, WIDTH, dtype=torch.float64)
    for _ in range(count):
        grid = torch.from_numpy((random.units(cells * cells) < p).astype(np.float64))
        down, right = (int(random.unit() * side) for side in cell)
        large = F.interpolate(grid.reshape(1, 1, cells, cells), [(cells + 1) * side for side in cell], mode="bilinear")
        mask = large[0, 0, down:down + HEIGHT, right:right + WIDTH]
        total += (model(x * mask).softmax(1)[0] @ Contrast(seed).seed) * mask
    return total / (count * p)


def case(id, map, seed, layer=None, params=(), smooth=False, limit=1e-5):
    map = np.asarray(map.detach() if torch.is_tensor(map) else map, np.float64)
    assert np.isfinite(map).all() and np.abs(map).max() > 1e-6, (id, map)
    return {"id": id, "layer": layer, "seed": seed, "params": list(params), "smooth": smooth, "limit": limit,
            "height": map.shape[0], "width": map.shape[1], "map": numbers(map)}


def main():
    contrast = [0.0, -1.0, 0.0, 1.0, 0.0]
    logits = Small()(picture())[0]
    print("logits", logits.tolist())
    assert logits.min() < -0.1 and logits.max() > 0.1, "a negative score is among the cases"
    down, up = hot(int(logits.argmin())), hot(int(logits.argmax()))
    negative = int(logits.argmin())
    cases = []
    for layer in ("shallow", "deep"):
        for seed in (up, down, contrast):
            cases.append(case("ablation-cam", ablation(layer, seed), seed, layer, limit=1e-4))
            cases.append(case("score-cam", score(layer, seed), seed, layer))
            cases.append(case("recipro-cam", recipro(layer, seed), seed, layer))
        cases.append(case("score-cam", score_family(layer, up, 1, lambda m, _: m, 3), up, layer, ["top=3"]))
        cases.append(case("ss-cam", smoothed(layer, up), up, layer, ["samples=4", "sigma=0.5"]))
        cases.append(case("is-cam", score_family(layer, contrast, 5, lambda m, n: m * (n + 1) / 5), contrast, layer,
                          ["steps=5"]))
        for target, among, alpha in ((0, 3, 1.0), (negative, 2, 0.6), (2, 9, 1.0)):
            cases.append(case("finer-cam", finer(layer, target, among, alpha), hot(target), layer,
                              [f"among={among}", f"alpha={alpha}"]))
        for target in (0, negative, 3):
            cases.append(case("shapley-cam", shapley(layer, target, False), hot(target), layer))
        cases.append(case("shapley-cam", shapley(layer, 1, True), hot(1), layer, ["curvature=all"], True, 1e-3))
        cases.append(case("guided-grad-cam", guided_grad_cam(layer, up), up, layer))
    for seed in (up, contrast):
        model, forward = scored(seed)
        x = picture().requires_grad_(True)
        cases.append(case("saliency", attr.Saliency(forward).attribute(x)[0].amax(0), seed))
        cases.append(case("input-x-gradient", attr.InputXGradient(forward).attribute(x)[0].sum(0), seed))
        cases.append(case("smooth-grad", smooth_grad(seed, 6, 0.3), seed, params=["samples=6", "sigma=0.3"], limit=1e-4))
        cases.append(case("guided-backprop", guided(seed), seed))
        cases.append(case("full-grad", full_grad(seed), seed))
        cases.append(case("full-grad", full_grad_of_peer(seed), seed, params=["scale=channel"]))
        cases.append(case("rise", rise(seed, 30, 3, 0.4), seed, params=["masks=30", "cells=3", "p=0.4"]))
    for steps, baseline, smooth in ((50, "mean", False), (7, "black", False), (20, "white", True)):
        cases.append(case("integrated-gradients", integrated(up, steps, baseline, smooth), up, smooth=smooth,
                          params=[f"steps={steps}", f"baseline={baseline}"], limit=1e-4))
    target = pathlib.Path(__file__).resolve().parent / "data/passes.json"
    words = {"input": numbers(picture()), "logits": numbers(logits.detach()),
             "weights": {name: numbers(value) for name, value in Small().state_dict().items()}, "cases": cases}
    target.write_text(json.dumps(words, separators=(",", ":")) + "\n")
    print(target.stat().st_size, "bytes", len(cases), "cases")


if __name__ == "__main__":
    main()
