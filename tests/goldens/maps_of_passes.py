"""Checks the program's maps of many passes, and of the picture, against the peers' own code on whole networks: figures of
docs/accuracy.md. maps.py does the same for the methods of one layer and one pass; comparing.py says how, and what a line means.

- pytorch-grad-cam's code: AblationCAM and ScoreCAM (`get_cam_weights`), FullGrad (with its scaling), `dff`.
- Captum's: Saliency, InputXGradient, IntegratedGradients (50 steps, Gauss-Legendre), GuidedBackprop, GuidedGradCam; NoiseTunnel
  (SmoothGrad), Lime and KernelShap with what camtui draws by lot (splitmix.py) and its superpixels.
- By PyTorch, because no peer has it as it is here: Recipro-CAM, RISE, SS-CAM and IS-CAM (passes.py says why), with camtui's lots.

pytorch-grad-cam's AblationCAM puts a large negative number in the place of a channel wherever the layer's smallest value is
not 0, so it is asked only at a layer after a ReLU; EfficientNet-Lite0's is one module with all other ReLUs of the network,
which it cannot replace, and no ReLU to Captum's guided methods. `dff` is asked for one concept, where there is only one
factorisation, and until it has settled.

Needs what comparing.py and networks.py need, and from PyPI: grad-cam, captum, scikit-learn. Run from the repository's root:

    cargo build --release -p camtui
    python tests/goldens/maps_of_passes.py [NETWORK ...]
"""

import contextlib
import functools
import sys
import tempfile
import warnings

import numpy as np
import torch
from captum import attr
from captum._utils.models.linear_model import SkLearnRidge
from pytorch_grad_cam import AblationCAM, FullGrad, ScoreCAM
from pytorch_grad_cam.feature_factorization import deep_feature_factorization
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch.nn import functional as F

import networks
from comparing import Table, photographs, program, run
from splitmix import Random

warnings.filterwarnings("ignore")

SEED, SEGMENTS, SAMPLES, MASKS, NOISY, TOP = 5, 12, 120, 60, 4, 8
SIDE = 224
# Many passes: 1e-3, one: 1e-4. What passes ReLUs' masks: the median, and none over 3e-2.
ONE_PASS = ["saliency", "input-x-gradient", "guided-backprop", "guided-grad-cam", "full-grad", "full-grad scaled"]
MASKED = [*ONE_PASS, "smooth-grad", "integrated-gradients"]
PASSES, PICTURE = 1, 21  # photographs


def weighted(weights, activation):
    return np.einsum("k,khw->hw", np.asarray(weights, np.float64).ravel(), np.asarray(activation[0], np.float64))


def behind(model, inputs, best, size=16):
    with torch.no_grad():
        return torch.cat([model(part)[:, best] for part in inputs.split(size)])


def of_layer(network, model, image, best):
    """By explainer and parameters, at the last layer."""
    layer = next(iter(network.layers))
    _, kept = run(network, model, image, [layer])
    activation = kept[layer].detach()
    values = activation.numpy()
    targets = [ClassifierOutputTarget(best)]
    peers = {"score-cam": ScoreCAM} | ({"ablation-cam": AblationCAM} if network.name in ("resnet18", "densenet121") else {})
    for id, peer in peers.items():
        with torch.no_grad(), hidden_layer(network, model, layer) as module:
            weights = peer(model, [module]).get_cam_weights(image[None], module, targets, values, None)
        yield id, [], weighted(weights[0] if id == "ablation-cam" else weights, values)
    if network.head:
        head = network.module(network.head, model)
        area = values[0, 0].size
        yield "recipro-cam", [], head.bias[best].item() + weighted(head.weight[best].detach(), values) / area

    large = F.interpolate(activation, (SIDE, SIDE), mode="bilinear", align_corners=True)[0]
    low, high = large.amin((1, 2), True), large.amax((1, 2), True)
    masks = (large - low) / (high - low + 1e-8)
    keep = sorted(activation[0].var((1, 2)).argsort(descending=True)[:TOP].tolist())
    lots = Random(SEED)
    noisy = lambda mask, _: mask + 2.0 * lots.normals(SIDE, SIDE).to(mask.dtype)
    shares = lambda mask, n: mask * (n + 1) / NOISY
    for id, name, change in (("ss-cam", "samples", noisy), ("is-cam", "steps", shares)):
        scores = torch.stack([behind(model, torch.stack([image * change(masks[k], n) for n in range(NOISY)]), best).mean()
                              for k in keep])
        yield id, [f"{name}={NOISY}", f"top={TOP}"], weighted(scores.softmax(0), values[:, keep])

    nmf = deep_feature_factorization.NMF
    deep_feature_factorization.NMF = functools.partial(nmf, tol=1e-9, max_iter=5000)
    try:
        concepts, maps = deep_feature_factorization.dff(values.copy(), 1)
    finally:
        deep_feature_factorization.NMF = nmf
    pattern = concepts[:, 0] - values[0].min((1, 2))
    yield "dff", ["concepts=1"], maps[0, 0] * np.linalg.norm(pattern)


@contextlib.contextmanager
def hidden_layer(network, model, layer):
    """AblationCAM puts a layer of its own in this one's place: it is put back."""
    name = network.layers[layer]
    above, _, last = name.rpartition(".")
    module = network.module(layer, model)
    try:
        yield module
    finally:
        setattr(dict(model.named_modules())[above], last, module)


class Score(torch.nn.Module):
    def __init__(self, model, best):
        super().__init__()
        self.model, self.best = model, best

    def forward(self, x):
        return self.model(x)[:, self.best]


def of_picture(network, model, image, best):
    x = image[None].clone().requires_grad_(True)
    yield "saliency", [], attr.Saliency(model).attribute(x, target=best)[0].abs().amax(0)
    yield "input-x-gradient", [], attr.InputXGradient(model).attribute(x, target=best)[0].sum(0)
    if network.name != "efficientnet-lite0":
        yield "guided-backprop", [], attr.GuidedBackprop(model).attribute(x, target=best)[0].abs().amax(0)
        layer = network.module(next(iter(network.layers)), model)
        yield "guided-grad-cam", [], attr.GuidedGradCam(model, layer).attribute(
            x, target=best, interpolate_mode="bilinear")[0].abs().amax(0)
    yield "integrated-gradients", [], attr.IntegratedGradients(model).attribute(
        x, torch.zeros_like(x), target=best, n_steps=50, method="gausslegendre", internal_batch_size=5)[0].sum(0)
    normal, lots = torch.normal, Random(SEED)
    torch.normal = lambda _mean, deviation: (deviation.double() * lots.normals(*deviation.shape)).to(image.dtype)
    try:
        found = attr.NoiseTunnel(attr.Saliency(model)).attribute(
            x, nt_type="smoothgrad", nt_samples=NOISY, stdevs=0.15 * (x.max() - x.min()).item(), target=best, abs=False)
    finally:
        torch.normal = normal
    yield "smooth-grad", [f"samples={NOISY}"], found[0].abs().amax(0)
    peer = FullGrad(model, [])
    peer.activations_and_grads(x)[0, best].backward()
    yield "full-grad", ["scale=channel"], peer.compute_cam_per_layer(x, None, False)[0, 0]
    peer.activations_and_grads.release()


def rise(model, image, best):
    lots, cells, cell = Random(SEED), 7, SIDE // 7
    masks = []
    for _ in range(MASKS):
        grid = torch.from_numpy((lots.units(cells * cells) < 0.5).astype(np.float64)).reshape(1, 1, cells, cells)
        down, right = int(lots.unit() * cell), int(lots.unit() * cell)
        large = F.interpolate(grid, [(cells + 1) * cell] * 2, mode="bilinear")
        masks.append(large[0, 0, down:down + SIDE, right:right + SIDE])
    masks = torch.stack(masks)
    inputs = (image.double() * masks[:, None]).to(image.dtype)
    with torch.no_grad():
        p = torch.cat([model(part).double().softmax(1)[:, best] for part in inputs.split(16)])
    return torch.einsum("n,nhw->hw", p, masks) / (MASKS * 0.5)


def superpixels(map):
    """Numbered as camtui does: by their first pixel."""
    values, first, numbers = np.unique(map.ravel(), return_index=True, return_inverse=True)
    return torch.from_numpy(first.argsort().argsort()[numbers].reshape(map.shape)), len(values)


def lime(model, image, best, found):
    pieces, n = superpixels(found)
    lots = Random(SEED)
    masks = [torch.ones(1, n)] + [torch.from_numpy((lots.units(n) < 0.5)[None].astype(np.float32)) for _ in range(SAMPLES - 1)]
    drawn = iter(masks)
    kernel = lambda _inputs, _perturbed, z, **_: torch.exp(-(1 - (z.mean()).sqrt()) ** 2 / (2 * 0.25 ** 2))
    peer = attr.Lime(lambda x: model(x).double().softmax(1)[:, best], interpretable_model=SkLearnRidge(alpha=1.0),
                     similarity_func=kernel, perturb_func=lambda *_, **__: next(drawn))
    return peer.attribute(image[None], baselines=0, feature_mask=pieces[None, None], n_samples=SAMPLES,
                          perturbations_per_eval=8)[0, 0]


def kernel_shap(model, image, best, found):
    pieces, n = superpixels(found)
    lots, masks = Random(SEED), [torch.ones(1, n), torch.zeros(1, n)]
    share = lambda size: (n - 1) / (size * (n - size))
    total = sum(share(size) for size in range(1, n))
    while len(masks) < SAMPLES + 2:
        left, size = lots.unit() * total, n - 1
        for s in range(1, n - 1):
            left -= share(s)
            if left < 0:
                size = s
                break
        order, mask = list(range(n)), torch.zeros(1, n)
        for k in range(size):
            other = k + lots.below(n - k)
            order[k], order[other] = order[other], order[k]
            mask[0, order[k]] = 1
        masks += [mask, 1 - mask]
    drawn = iter([mask.long() for mask in masks])
    peer = attr.KernelShap(lambda x: model(x).double()[:, best])
    peer.perturb_func = lambda *_, **__: next(drawn)
    return peer.attribute(image[None], baselines=0, feature_mask=pieces[None, None], n_samples=len(masks),
                          perturbations_per_eval=8)[0, 0]


def check(network, table, folder):
    images = photographs(network, PICTURE)
    for n, image in enumerate(images):
        with torch.no_grad():
            best = int(network.model(image[None])[0].argmax())
        own = list(of_picture(network, network.model, image, best))
        exact = list(of_picture(network, network.exact, image.double(), best))
        plain = lambda map: np.asarray(map.detach() if torch.is_tensor(map) else map)
        asked = lambda id, params: program(network, ["-e", id, "--seed", str(SEED), *(
            word for param in params for word in ("-P", param))], image[None], folder)[0][0, id]
        for (id, params, map), (_, _, double) in zip(own, exact):
            table.add((network.name, "the picture", id), asked(id, params), plain(map), plain(double))
        if n < PASSES:
            layer = next(iter(network.layers))
            for id, params, map in of_layer(network, network.model, image, best):
                table.add((network.name, layer, id), asked(id, params), plain(map))
            table.add((network.name, "the picture", "rise"), asked("rise", [f"masks={MASKS}"]),
                      plain(rise(network.model, image, best)))
            for id, peer in (("lime", lime), ("kernel-shap", kernel_shap)):
                found = asked(id, [f"segments={SEGMENTS}", f"samples={SAMPLES}"])
                table.add((network.name, "the picture", id), found, plain(peer(network.model, image, best, found)))
    for line in list(table.errors):
        if line[0] == network.name:
            table.judge(line, 1e-4 if line[2] in ONE_PASS else 1e-3, line[2] not in MASKED)


def main():
    table = Table()
    for name in networks.chosen(sys.argv[1:] or networks.NAMES):
        with tempfile.TemporaryDirectory() as folder:
            check(networks.Network(name, folder), table, folder)
    sys.exit(table.summary())


if __name__ == "__main__":
    main()
