"""PyTorch's gradients with the masks of another runtime, to see whether anything but the masks differs.

A ReLU passes the gradient of a unit or stops it, and max pooling gives it to one unit of a window. Which, follows from the
activations, and a unit within rounding of the edge may fall on either side. For given masks, however, the gradient is a
linear function of the seed that no other activation enters: what two runtimes then still differ by is either rounding
or a fault. `gradient_networks.py` asks this of every input.

Needs from PyPI: torch, onnx.
"""

import contextlib

import onnx
import torch
import torch.nn.functional as F

KINDS = {torch.nn.ReLU: "Relu", torch.nn.ReLU6: "Clip", torch.nn.MaxPool2d: "MaxPool"}
# A unit passes its gradient where its value lies between these, the ends excluded.
BOUNDS = {"Relu": (0.0, float("inf")), "Clip": (0.0, 6.0)}


def gates(path):
    """[(kind, activation)] of an exported file, in its order: what decides the masks.

    That is the output of a ReLU where the file offers it, else its input, which lies on the same side; for max pooling
    it is the input.
    """
    graph = onnx.load(path, load_external_data=False).graph
    offered = {node.input[0]: node.output[0] for node in graph.node
               if node.op_type == "Identity" and node.output[0].startswith("activation:")}
    found = []
    for node in graph.node:
        if node.op_type in KINDS.values():
            tensors = [node.input[0]] if node.op_type == "MaxPool" else [node.output[0], node.input[0]]
            found.append((node.op_type, next(offered[t] for t in tensors if t in offered)))
    return found


class Pass(torch.autograd.Function):
    """The ordinary ReLU or ReLU6 whose gradient passes where it is told to."""

    @staticmethod
    def forward(ctx, x, low, high, passes):
        ctx.save_for_backward(passes)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0], None, None, None


class Pick(torch.autograd.Function):
    """The ordinary max pooling whose gradient goes to the units it is told."""

    @staticmethod
    def forward(ctx, x, y, picked):
        ctx.save_for_backward(picked)
        ctx.shape = x.shape
        return y.clone()

    @staticmethod
    def backward(ctx, dy):
        dx = dy.new_zeros(ctx.shape).flatten(2)
        return dx.scatter_add_(2, ctx.saved_tensors[0].flatten(2), dy.flatten(2)).view(ctx.shape), None, None


class Masks:
    """The other runtime's activations, taken one after the other as PyTorch comes to each gate; counts what flips."""

    def __init__(self, gates, activations):
        self.left = [(kind, name, torch.from_numpy(activations[name].copy())) for kind, name in gates]
        self.units = 0
        self.flipped = 0
        # How far PyTorch's own value lies from where it would flip, over the root mean square of the layer's values:
        # the farthest flip.
        self.farthest = 0.0

    def take(self, kind):
        found, name, activation = self.left.pop(0)
        assert found == kind, f"{name} belongs to a {found}, and PyTorch comes to a {kind}"
        return activation

    def count(self, x, flips, distance):
        self.units += flips.numel()
        self.flipped += int(flips.sum())
        if flips.any():
            self.farthest = max(self.farthest, float(distance[flips].max() / x.square().mean().sqrt()))


class Gate(torch.nn.Module):
    """Stands in for a ReLU, a ReLU6 or a max pooling of the model."""

    def __init__(self, module, masks):
        super().__init__()
        self.module, self.kind, self.masks = module, KINDS[type(module)], masks

    def forward(self, x):
        activation = self.masks.take(self.kind)
        assert activation.shape == x.shape, f"{tuple(activation.shape)} for {tuple(x.shape)}"
        own = x.detach()
        if self.kind == "MaxPool":
            how = self.module.kernel_size, self.module.stride, self.module.padding
            y, mine = F.max_pool2d(x, *how, return_indices=True)
            picked = F.max_pool2d(activation, *how, return_indices=True)[1]
            other = own.flatten(2).gather(2, picked.flatten(2)).view_as(y)
            self.masks.count(own, picked != mine, y.detach() - other)
            return Pick.apply(x, y.detach(), picked)
        low, high = BOUNDS[self.kind]
        passes = (activation > low) & (activation < high)
        to_edge = torch.minimum((own - low).abs(), (own - high).abs())
        self.masks.count(own, passes != ((own > low) & (own < high)), to_edge)
        return Pass.apply(x, low, high, passes)


@contextlib.contextmanager
def given(model, gates, activations):
    """Within, the model's gradients take the masks of these activations; its values stay its own. Yields the `Masks`."""
    masks = Masks(gates, activations)
    places = [(parent, name, child) for parent in model.modules() for name, child in parent.named_children()
              if type(child) in KINDS]
    for parent, name, child in places:
        setattr(parent, name, Gate(child, masks))
    try:
        yield masks
    finally:
        for parent, name, child in places:
            setattr(parent, name, child)
    assert not masks.left, f"PyTorch never came to {[name for _, name, _ in masks.left]}"
