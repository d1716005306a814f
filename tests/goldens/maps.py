"""Checks the program's maps of one layer against pytorch-grad-cam, torch-cam and Captum: figures of docs/accuracy.md.

On twenty photographs, each with one of three targets (one a contrast), at several layers of four networks (networks.py). PyTorch runs the
network once for each photograph and target and keeps activations and gradients; the map is then what `get_cam_image` of
pytorch-grad-cam's class makes of them: its formula before ReLU, resizing and normalising, which the class itself always
adds. `cam` is torch-cam's CAM; FinerCAM's target and ShapleyCAM are pytorch-grad-cam's. Some are not taken as they are:

- Eigen-CAM's and Eigen-Grad-CAM's sign is arbitrary there (the SVD's); here the map rises with the sum over channels, so
  the sign is turned.
- FEM with one standard deviation, as in formulas.py.
- FinerCAM's target adds 1e-9 to the probabilities that it divides by, which is much where they are small: it is shown only
  the logits it compares, so that they are not.
- torch-cam knows no contrast: the difference of two of its maps.
- Captum's Occlusion gives one value a pixel; camtui one a cell of the stride's size: the mean over the cell's pixels.

At the pooled layer (and for explainers that pass no gradient) every map must be within 1e-4, below it the median and none
over 3e-2, because a unit within rounding of zero may flip and change the gradient by a step; 1e-3 for 1e-4 where an eigenvector or
many passes (ShapleyCAM's up to 512) are involved. FEM has a threshold of its own, on which a unit may fall to either side, and is
judged by its median everywhere but at the pooled layer. VGG-11 has two ReLUs in its head, so that no layer of it is free of masks. Maps that XGrad-CAM and Grad-CAM++ say
cannot be trusted (layers before a ReLU: they divide by sums near zero, and rounding decides) are counted apart.

Needs what comparing.py and networks.py need, and from PyPI: grad-cam, torchcam, captum. Run from the repository's root:

    cargo build --release -p camtui
    python tests/goldens/maps.py [NETWORK[:LAYER] ...]

A layer alone is for `CAMTUI_TEST_FLAGS=--double`: ShapleyCAM's passes at VGG-11's pooled layer would take hours.
"""

import contextlib
import sys
import tempfile
import warnings

import numpy as np
import torch
from captum.attr import Occlusion
from pytorch_grad_cam import ShapleyCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputReST, FinerWeightedTarget
from torchcam.methods import CAM

import networks
from comparing import Table, photographs, program, run, seed_of
from formulas import PEERS, raw_map

warnings.filterwarnings("ignore")

TARGETS = ["top1", "999", "top1~top2"]  # by turns
NO_GRADIENT = ["cam", "eigen-cam"]
SEEDED = ["vgg11", "densenet121"]
OCCLUDED = 3  # photographs: each takes a few hundred passes


def limit_of(id):
    return 1e-3 if id.startswith("eigen") or id == "shapley-cam" else 1e-4


def weighted(weights, activation):
    return np.einsum("k,khw->hw", np.asarray(weights, np.float64).ravel(), np.asarray(activation[0], np.float64))


def cam(network, model, image, layer, seed):
    """torch-cam's CAM."""
    total = 0
    with CAM(model, network.module(layer, model), network.module(network.head, model)) as extractor:
        for index in seed.nonzero()[:, 0].tolist():
            with torch.no_grad():
                model(image[None])
            total = total + seed[index].item() * extractor(index, normalized=False)[0][0].double().numpy()
    return total


def finers(logits, kept, best):
    """By layer."""
    among = torch.argsort((logits - logits[best]).abs())[:4]
    loss = FinerWeightedTarget(0, [1, 2, 3], 1.0)(logits[among])
    for layer, gradient in gradients_of(loss, kept).items():
        yield layer, weighted(gradient.mean((2, 3)), kept[layer].detach())


def shapleys(model, logits, kept, best):
    """By layer."""
    for layer, gradient in gradients_of(ClassifierOutputReST(best)(logits), kept, create_graph=True).items():
        activation, peer = kept[layer], ShapleyCAM(model, [])
        curved = torch.autograd.grad(gradient, activation, activation, retain_graph=True)
        # The peer frees the graph, which the next layer needs: it is handed the product that it would compute.
        grad, torch.autograd.grad = torch.autograd.grad, lambda **_: curved
        try:
            weights = peer.get_cam_weights(None, None, None, activation, gradient)
        finally:
            torch.autograd.grad = grad
        yield layer, weighted(weights, activation.detach())


def gradients_of(score, kept, **how):
    return dict(zip(kept, torch.autograd.grad(score, list(kept.values()), retain_graph=True, **how)))


@contextlib.contextmanager
def thin_svd():
    """The peer asks for all singular vectors, a square of the positions (1.3 GB at 112 x 112), and uses the first."""
    full = np.linalg.svd
    np.linalg.svd = lambda matrix, full_matrices: full(matrix, full_matrices=False)
    try:
        yield
    finally:
        np.linalg.svd = full


def peers_maps(network, model, image, target, layers=None, ids=None):
    """Maps by (layer, explainer)."""
    logits, kept = run(network, model, image, layers)
    seed = seed_of(target, logits.detach())
    gradients = gradients_of(logits @ seed, kept)
    maps = {}
    for layer, activation in kept.items():
        for id, peer in PEERS.items():
            if not ids or id in ids:
                with thin_svd():
                    maps[layer, id] = raw_map(peer, activation.detach().numpy(), gradients[layer].numpy())
    if network.pooled in kept and (not ids or "cam" in ids):
        maps[network.pooled, "cam"] = cam(network, model, image, network.pooled, seed)
    if "~" not in target:
        best = int(seed.argmax())
        if not ids or "finer-cam" in ids:
            maps |= {(layer, "finer-cam"): map for layer, map in finers(logits, kept, best)}
        if not ids or "shapley-cam" in ids:
            maps |= {(layer, "shapley-cam"): map for layer, map in shapleys(model, logits, kept, best)}
    return maps


def compare(network, images, target, layers, ids, table, doubtful, folder):
    """Adds one line a map. Both tables' lines are the network, the layer, the explainer."""
    expected = {}
    for n, image in enumerate(images):
        single = peers_maps(network, network.model, image, target, layers, ids)
        double = peers_maps(network, network.exact, image.double(), target, layers, ids)
        for (layer, id), map in single.items():
            expected.setdefault(layer, {})[n, id] = map, double[layer, id]
    for layer, maps in expected.items():
        # Shapley-CAM asks each class that counts for a gradient, and with seeded weights all thousand count the same.
        if network.name in SEEDED and layer != next(iter(network.layers)):
            maps = {line: map for line, map in maps.items() if line[1] != "shapley-cam"}
        asked = list(dict.fromkeys(id for _, id in maps))
        words = ["-e", ",".join(asked), "-l", layer, "-t", target] + ["-P", "sigmas=1"] * ("fem" in asked)
        found, untrusted = program(network, words, images, folder)
        for (n, id), (map, exact) in maps.items():
            of = doubtful if (n, id) in untrusted else table
            of.add((network.name, layer, id), found[n, id], map, exact)


def one_layer_methods(network, images, layers, table, folder):
    doubtful = Table()
    for n, target in enumerate(TARGETS):
        compare(network, images[n::len(TARGETS)], target, layers, None, table, doubtful, folder)
    for layer in layers:
        for id in [*PEERS, "cam", "finer-cam", "shapley-cam"]:
            line = network.name, layer, id
            table.judge(line, limit_of(id), layer == network.pooled or id in NO_GRADIENT)
            if line in doubtful.errors:
                doubtful.tell(line, "  said not to be trusted")


def cells(map, stride):
    """The mean of each cell of a pixel map."""
    count = -(-224 // stride)
    sides = [slice(n * 224 // count, (n + 1) * 224 // count) for n in range(count)]
    return np.array([[map[rows, columns].mean() for columns in sides] for rows in sides])


def occlusion(network, images, table, folder):
    for target in ("top1", "top1~top2"):
        for window, stride, baseline in ((32, 16, "mean"), (45, 30, "black")):
            found, _ = program(network, ["-e", "occlusion", "-t", target, "-P", f"window={window}", "-P", f"stride={stride}", "-P",
                                         f"baseline={baseline}"], images, folder)
            for n, image in enumerate(images):
                with torch.no_grad():
                    seed = seed_of(target, network.model(image[None])[0])
                mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in network.normalise)
                fill = 0 if baseline == "mean" else (-mean / deviation).expand(1, 3, 224, 224)
                pixels = Occlusion(lambda x: network.model(x) @ seed).attribute(
                    image[None], (3, window, window), (3, stride, stride), fill, perturbations_per_eval=8)
                table.add((network.name, "the picture", "occlusion"), found[n, "occlusion"],
                          cells(pixels[0, 0].detach().numpy(), stride))
    table.judge((network.name, "the picture", "occlusion"), 1e-3, True)


def main():
    table = Table()
    asked = dict(word.partition(":")[::2] for word in sys.argv[1:] or networks.NAMES)
    for name in networks.chosen(list(asked)):
        with tempfile.TemporaryDirectory() as folder:
            network = networks.Network(name, folder)
            images = photographs(network)
            one_layer_methods(network, images, [asked[name]] if asked[name] else list(network.layers), table, folder)
            if not asked[name]:
                occlusion(network, images[:OCCLUDED], table, folder)
    sys.exit(table.summary())


if __name__ == "__main__":
    main()
