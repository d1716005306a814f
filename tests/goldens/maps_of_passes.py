"""Checks the program's maps of many passes, and of the picture, against the peers' own code on whole networks: figures of
docs/accuracy.md. maps.py does the same for the methods of one layer and one pass, and says how photographs are prepared.

- pytorch-grad-cam's code: AblationCAM and ScoreCAM (`get_cam_weights`), the target of FinerCAM.
- Captum's: Saliency, InputXGradient, IntegratedGradients (50 steps, Gauss-Legendre), on ResNet-18 GuidedBackprop.
- By PyTorch: Recipro-CAM at the pooled layer, which no peer has.

An error is |a-b|/|b| in the 2-norm. pytorch-grad-cam's AblationCAM puts a large negative number in the place of a channel
wherever the layer's smallest value is not 0, so it is asked only at a layer after a ReLU; EfficientNet-Lite0's is one
module with all other ReLUs of the network, which it cannot replace.

Needs what maps.py needs, and the same environment. Run from the repository's root:

    cargo build --release -p camtui
    python tests/goldens/maps_of_passes.py
"""

import collections
import copy
import os
import sys
import tempfile

import numpy as np
import torch
from captum import attr
from pytorch_grad_cam import AblationCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget, FinerWeightedTarget

from gradient_networks import pytorch
from maps import LAYERS, off, photographs, program, run, seed_of

# Layers after a ReLU, the pooled one first.
AFTER_RELU = {"resnet18": ["layer4", "layer3"], "efficientnet-lite0": ["features"]}
# Many passes: 1e-3. What passes the ReLUs' masks: 1e-4 in the median, 3e-2 at worst.
LIMITS = {"ablation-cam": 1e-3, "score-cam": 1e-3, "recipro-cam": 1e-4, "finer-cam": 1e-4}
PHOTOGRAPHS = 2


def weighted(weights, activation):
    return np.einsum("k,khw->hw", np.asarray(weights, np.float64).ravel(), activation[0].astype(np.float64))


def of_layer(arch, model, image, layer, kept, logits, scored):
    activation, best = kept[layer].detach().numpy(), int(logits.argmax())
    targets = [ClassifierOutputTarget(best)]
    peers = {"ablation-cam": AblationCAM, "score-cam": ScoreCAM} if scored else {}
    for id, peer in peers.items():
        # A copy each: AblationCAM leaves a layer of its own in the model.
        own = copy.deepcopy(model)
        module = dict(own.named_modules())[LAYERS[arch][layer]]
        with torch.no_grad():
            weights = peer(own, [module]).get_cam_weights(image[None], module, targets, activation, None)
        yield id, weighted(weights[0] if id == "ablation-cam" else weights, activation)
    near = torch.argsort((logits - logits[best]).abs())[1:4].tolist()
    loss = FinerWeightedTarget(best, near, 1.0)(logits)
    gradient = torch.autograd.grad(loss, kept[layer], retain_graph=True)[0].numpy()
    yield "finer-cam", weighted(gradient.mean((2, 3)), activation)
    if layer == AFTER_RELU[arch][0]:
        head = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
        row = head.weight[best].detach().numpy()
        area = activation[0, 0].size
        yield "recipro-cam", head.bias[best].item() + weighted(row, activation) / area


def of_picture(arch, model, image, best, n):
    x = image[None].clone().requires_grad_(True)
    yield "saliency", attr.Saliency(model).attribute(x, target=best)[0].abs().amax(0)
    yield "input-x-gradient", attr.InputXGradient(model).attribute(x, target=best)[0].sum(0)
    if n < PHOTOGRAPHS:
        yield "integrated-gradients", attr.IntegratedGradients(model).attribute(
            x, torch.zeros_like(x), target=best, n_steps=50, method="gausslegendre", internal_batch_size=10)[0].sum(0)
    if arch == "resnet18":
        yield "guided-backprop", attr.GuidedBackprop(model).attribute(x, target=best)[0].abs().amax(0)


def main():
    archs = list(LAYERS)
    if not os.environ.get("CAMTUI_TEST_CHECKPOINT"):
        print("CAMTUI_TEST_CHECKPOINT names no checkpoint: without ResNet-18")
        archs.remove("resnet18")
    errors, rounding = collections.defaultdict(list), collections.defaultdict(list)
    for arch in archs:
        model, all_images = pytorch(arch, "real"), photographs(arch)
        images, exact = all_images[:PHOTOGRAPHS], copy.deepcopy(model).double()
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/x.npy", images.numpy())
            for layer in AFTER_RELU[arch]:
                # A pass a channel, on both sides: of one layer.
                scored = arch == "resnet18" and layer == "layer4"
                ids = ["finer-cam"] + ["ablation-cam", "score-cam"] * scored
                ids += ["recipro-cam"] * (layer == AFTER_RELU[arch][0])
                found, _ = program(arch, ["-e", ",".join(ids), "-l", layer], folder)
                for n, image in enumerate(images):
                    logits, kept = run(arch, model, image)
                    for id, expected in of_layer(arch, model, image, layer, kept, logits, scored):
                        errors[arch, layer, id].append(off(found[n, id], expected))
            found, _ = program(arch, ["-e", "integrated-gradients"], folder)
            np.save(f"{folder}/x.npy", all_images.numpy())
            ids = ["saliency", "input-x-gradient"] + ["guided-backprop"] * (arch == "resnet18")
            found |= program(arch, ["-e", ",".join(ids)], folder)[0]
            for n, image in enumerate(all_images):
                best = int(seed_of("top1", model(image[None])[0].detach()).argmax())
                same = {id: map.detach().numpy() for id, map in of_picture(arch, exact, image.double(), best, n)}
                for id, expected in of_picture(arch, model, image, best, n):
                    expected = expected.detach().numpy()
                    errors[arch, "the picture", id].append(off(found[n, id], expected))
                    rounding[arch, "the picture", id].append(off(expected, same[id]))
    bad = 0
    for (arch, layer, id), all in errors.items():
        middle, worst = float(np.median(all)), max(all)
        limit = LIMITS.get(id)
        own = rounding.get((arch, layer, id))
        told = f"  PyTorch f32 to f64 {np.median(own):.1e} {max(own):.1e}" if own else ""
        fine = worst <= limit if limit and layer != "layer3" else middle <= (limit or 1e-3) and worst <= 3e-2
        bad += not fine
        mark = "" if fine else " !"
        print(f"{arch:18} {layer:12} {id:21} {len(all):2} maps  median {middle:.1e}  worst {worst:.1e}{told}{mark}")
    sys.exit(f"{bad} lines (marked !) are over their limits" if bad else 0)


if __name__ == "__main__":
    main()
