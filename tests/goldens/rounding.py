"""What single precision alone costs a map that hangs on masks: figures of docs/accuracy.md, beside those of maps.py and
maps_of_passes.py.

A network computed in double precision, sums and weights and all, of which only what convolutions (with their batch norms) and linear
layers give is rounded to single, as any implementation that stores it so must: how far are its maps from those of the whole in
double precision? Where that is over the limit, no better summing brings a map within it. Beside it, the same with weights that batch
norms are folded into and that are then rounded; and PyTorch in single precision throughout.

The maps are saliency at the picture and HiResCAM (before its ReLU) at a layer.

Needs what comparing.py and networks.py need. Run from the repository's root:

    python tests/goldens/rounding.py [NETWORK ...]
"""

import copy
import sys
import tempfile

import numpy as np
import torch
from torch import nn

import networks
from comparing import off, photographs

PHOTOGRAPHS = 21
# The layers where maps.py tells of lines over their limit.
PLACES = {"resnet18": ["the picture"], "efficientnet-lite0": ["the picture"], "vgg11": ["features.0"]}
PRODUCTS = (nn.Conv2d, nn.Linear)


def named(model, kinds):
    return [(name, module) for name, module in model.named_modules() if isinstance(module, kinds)]


def replaced(model, name, module):
    above, _, last = name.rpartition(".")
    setattr(model.get_submodule(above), last, module)


class Rounded(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x).float().double()


def stored(model, weights):
    """`model`, in double precision, with batch norms folded into the convolutions before them and the results of both, and of linear
    layers, rounded; if `weights`, the folded weights as well."""
    model, order, hooks = copy.deepcopy(model), [], []
    single = (lambda values: values.float().double()) if weights else (lambda values: values)
    for name, module in named(model, (*PRODUCTS, nn.BatchNorm2d)):
        hooks.append(module.register_forward_hook(lambda _module, _x, _y, name=name: order.append(name)))
    model(torch.zeros(1, 3, 224, 224, dtype=torch.float64))
    for hook in hooks:
        hook.remove()
    for first, second in zip(order, [*order[1:], None]):
        product, norm = model.get_submodule(first), model.get_submodule(second) if second else None
        if isinstance(product, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            scale = single(norm.weight / (norm.running_var + norm.eps).sqrt())
            product.weight.data = single(product.weight * scale[:, None, None, None])
            product.bias = nn.Parameter(single(norm.bias - norm.running_mean * scale))
            replaced(model, second, nn.Identity())
        if isinstance(product, PRODUCTS):
            replaced(model, first, Rounded(product))
    return model


def map_of(network, model, image, place):
    kept, x = {}, image[None].clone().requires_grad_(True)
    if place != "the picture":
        module = network.module(place, model)

        def keep(_module, _inputs, output):
            kept["activation"] = output
            return output.clone()

        hook = (module.inner if isinstance(module, Rounded) else module).register_forward_hook(keep)
    logits = model(x)[0]
    best = logits[int(logits.argmax())]
    if place == "the picture":
        return torch.autograd.grad(best, x)[0][0].abs().amax(0)
    hook.remove()
    activation = kept["activation"]
    return (torch.autograd.grad(best, activation)[0] * activation)[0].sum(0).detach()


def main():
    for name in networks.chosen(sys.argv[1:] or list(PLACES)):
        with tempfile.TemporaryDirectory() as folder:
            network = networks.Network(name, folder)
            images = photographs(network, PHOTOGRAPHS)
            models = {"results rounded": stored(network.exact, False), "folded weights, too": stored(network.exact, True),
                      "PyTorch in single precision": network.model}
            for place in PLACES[name]:
                exact = [map_of(network, network.exact, image.double(), place) for image in images]
                for words, model in models.items():
                    of = lambda image: image if model is network.model else image.double()
                    errors = [off(map_of(network, model, of(image), place), one) for image, one in zip(images, exact)]
                    over = sum(error > 1e-4 for error in errors)
                    print(f"{name:18} {place:11} {words:27} off {np.median(errors):.1e} {max(errors):.1e}; {over} of "
                          f"{len(errors)} over 1e-4", flush=True)


if __name__ == "__main__":
    main()
