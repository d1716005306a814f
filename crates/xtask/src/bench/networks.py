"""The networks of `xtask bench`, which starts this: the same weights for camtui, PyTorch and ONNX Runtime.

    python networks.py FOLDER [RESNET18.pth]     with names of networks on standard input, one a line

writes FOLDER/NAME.pth (weights) and FOLDER/NAME.onnx (the forward pass, as PyTorch exports it). Weights are a checkpoint's for
resnet18 where one is given, else drawn from a seed: times do not depend on them. Batch norms are set by two batches of noise,
so that values neither grow nor vanish on their way.

Needs from PyPI: torch torchvision timm onnx.
"""

import sys

import torch
import torchvision


def build(name):
    torch.manual_seed(0)
    if name == "efficientnet_lite0":
        import timm

        return timm.create_model(name, pretrained=False)
    return getattr(torchvision.models, name)(weights=None)


def load(name, folder):
    model = build(name)
    model.load_state_dict(torch.load(f"{folder}/{name}.pth", map_location="cpu", weights_only=True))
    return model.eval()


def calibrate(model):
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        for _ in range(2):
            model.train()(torch.randn(8, 3, 224, 224))


def main():
    folder, checkpoint = sys.argv[1], (sys.argv[2:] or [None])[0]
    for name in sys.stdin.read().split():
        model = build(name)
        if name == "resnet18" and checkpoint:
            model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        else:
            calibrate(model)
        torch.save(model.eval().state_dict(), f"{folder}/{name}.pth")
        torch.onnx.export(
            model, torch.zeros(1, 3, 224, 224), f"{folder}/{name}.onnx", opset_version=17, dynamo=False
        )


if __name__ == "__main__":
    main()
