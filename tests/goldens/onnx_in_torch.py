"""Runs an ONNX graph of the common CNN operators in PyTorch, so that autograd can say what its gradients are.

Used by gradient_rules.py. Every operator is PyTorch's own, forward and backward; nothing here knows about camtui's
differentiator. Needs torch, onnx and numpy.
"""

import numpy as np
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper


def _pads(x, a, value=0.0):
    """Explicit padding before the operator: ONNX allows more before than after, PyTorch's operators do not."""
    p = a.get("pads", [0, 0, 0, 0])
    return F.pad(x, (p[1], p[3], p[0], p[2]), value=value) if any(p) else x


def _same(x, kernel, a):
    """auto_pad: output = ceil(input / stride), the odd element after (UPPER) or before (LOWER)."""
    mode = a.get("auto_pad", b"NOTSET").decode()
    if not mode.startswith("SAME"):
        return a
    begin, end = [], []
    for size, k, s, d in zip(x.shape[2:], kernel, a.get("strides", [1, 1]), a.get("dilations", [1, 1])):
        total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
        small, large = total // 2, total - total // 2
        begin.append(small if mode == "SAME_UPPER" else large)
        end.append(large if mode == "SAME_UPPER" else small)
    return dict(a, pads=begin + end)


def _conv(v, a):
    x, w, b = v[0], v[1], v[2] if len(v) > 2 else None
    a = _same(x, w.shape[2:], a)
    return F.conv2d(_pads(x, a), w, b, a.get("strides", 1), 0, a.get("dilations", 1), a.get("group", 1))


def _max_pool(v, a):
    ceil, p = bool(a.get("ceil_mode", 0)), a.get("pads", [0, 0, 0, 0])
    if p[:2] == p[2:]:  # PyTorch's own padding
        return F.max_pool2d(v[0], a["kernel_shape"], a.get("strides", [1, 1]), p[:2], a.get("dilations", 1), ceil)
    x = _pads(v[0], a, -np.inf)
    return F.max_pool2d(x, a["kernel_shape"], a.get("strides", [1, 1]), 0, a.get("dilations", 1), ceil)


def _average_pool(v, a):
    p = a.get("pads", [0, 0, 0, 0])
    assert p[:2] == p[2:]
    ceil, include = bool(a.get("ceil_mode", 0)), bool(a.get("count_include_pad", 0))
    return F.avg_pool2d(v[0], a["kernel_shape"], a.get("strides", [1, 1]), p[:2], ceil, include)


def _gemm(v, a):
    A = v[0].T if a.get("transA") else v[0]
    B = v[1].T if a.get("transB") else v[1]
    y = a.get("alpha", 1.0) * (A @ B)
    return y + a.get("beta", 1.0) * v[2] if len(v) > 2 else y


def _clip(v, a):
    # hardtanh is what relu6 is made of; its gradient at the bounds is 0 (clamp's is 1).
    low = float(v[1]) if len(v) > 1 and v[1] is not None else -np.inf
    high = float(v[2]) if len(v) > 2 and v[2] is not None else np.inf
    return F.hardtanh(v[0], low, high)


def _reshape(v, a):
    shape = [v[0].shape[i] if d == 0 else int(d) for i, d in enumerate(v[1])]
    return v[0].reshape(shape)


OPERATORS = {
    "Add": lambda v, a: v[0] + v[1],
    "Sub": lambda v, a: v[0] - v[1],
    "Mul": lambda v, a: v[0] * v[1],
    "Div": lambda v, a: v[0] / v[1],
    "AveragePool": _average_pool,
    "BatchNormalization": lambda v, a: F.batch_norm(v[0], v[3], v[4], v[1], v[2], False, 0.0, a.get("epsilon", 1e-5)),
    "Clip": _clip,
    "Conv": _conv,
    "Dropout": lambda v, a: v[0],
    "Flatten": lambda v, a: v[0].flatten(a.get("axis", 1)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda v, a: v[0].mean((2, 3), keepdim=True),
    "Identity": lambda v, a: v[0],
    "MatMul": lambda v, a: v[0] @ v[1],
    "MaxPool": _max_pool,
    "ReduceMean": lambda v, a: v[0].mean(tuple(a["axes"]), keepdim=bool(a.get("keepdims", 1))),
    "Relu": lambda v, a: F.relu(v[0]),
    "Reshape": _reshape,
    "Softmax": lambda v, a: F.softmax(v[0], a.get("axis", -1)),
    "Squeeze": lambda v, a: v[0].reshape([d for i, d in enumerate(v[0].shape) if i not in v[1].tolist()]),
    "Transpose": lambda v, a: v[0].permute(*a["perm"]),
}


def run(model, image):
    """All values of the graph by name, as torch tensors of the input's type that retain their gradients."""
    graph = model.graph
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    values[graph.input[0].name] = image
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        y = OPERATORS[node.op_type]([values[i] if i else None for i in node.input], attributes)
        if y.requires_grad:
            y.retain_grad()
        values[node.output[0]] = y
    return values
