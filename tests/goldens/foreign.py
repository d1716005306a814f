"""A small network as PyTorch's two exporters write it, to be explained as a file from elsewhere.

Its blocks end in a product, so that the sum inside is a value in which no module ends; it has a name in the file all the same.
Beside the two files: a picture as a tensor, and Grad-CAM at that sum by autograd.

    python tests/goldens/foreign.py
"""

import pathlib
import warnings

import numpy
import onnx
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent / "data" / "foreign"
SIDE, CLASSES = 32, 10


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        self.sum = x + self.conv2(self.relu(self.conv1(x)))
        return self.sum * torch.sigmoid(self.sum)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Block(8), Block(8))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


def without_traces(path):
    """Leaves of what the newer exporter writes beside a node the modules it belongs to: the rest tells of the machine it ran on."""
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(model, path)


def main():
    warnings.filterwarnings("ignore")
    torch.manual_seed(5)
    network = Network().eval()
    picture = torch.rand(1, 3, SIDE, SIDE)
    HERE.mkdir(parents=True, exist_ok=True)
    for dynamo in (False, True):
        path = HERE / ("dynamo.onnx" if dynamo else "torchscript.onnx")
        how = {"external_data": False} if dynamo else {}
        torch.onnx.export(
            network, (picture,), str(path), input_names=["input"], output_names=["scores"], dynamo=dynamo, **how
        )
        without_traces(path)
    scores = network(picture)
    inner = network.blocks[1].sum
    (gradient,) = torch.autograd.grad(scores[0, scores.argmax()], inner)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    cam = torch.relu((weights * inner).sum(dim=1))[0]
    assert cam.max() > 0
    for name, values in (("picture", picture[0]), ("cam", cam)):
        numpy.save(HERE / f"{name}.npy", values.detach().numpy().astype(numpy.float32))
    print(f"class {int(scores.argmax())}, map {tuple(cam.shape)}, largest {float(cam.max()):.3g}")


if __name__ == "__main__":
    main()
