"""Runs an ONNX graph of the common CNN operators in PyTorch, so that autograd can say what its gradients are.

Used by gradient_rules.py. Operators are PyTorch's own, forward and backward, or a few lines of their definition where
PyTorch has them in another form; nothing here knows about camtui's differentiator. Needs torch, onnx and numpy.
"""

import itertools

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def _float(a, name, default):
    """An attribute, which ONNX keeps in single precision, its default too."""
    return a.get(name, float(np.float32(default)))


def _list(value, rank, default):
    return list(value) if value else [default] * rank


def _pads(x, a, value=0.0):
    """Explicit padding before the operator: ONNX allows more before than after, PyTorch's operators do not."""
    rank = x.dim() - 2
    p = _list(a.get("pads"), 2 * rank, 0)
    order = [v for i in reversed(range(rank)) for v in (p[i], p[rank + i])]
    return F.pad(x, order, value=value) if any(p) else x


def _same(x, kernel, a):
    """auto_pad: output = ceil(input / stride), the odd element after (UPPER) or before (LOWER)."""
    mode = a.get("auto_pad", b"NOTSET").decode()
    if not mode.startswith("SAME"):
        return a
    begin, end, rank = [], [], len(kernel)
    strides, dilations = _list(a.get("strides"), rank, 1), _list(a.get("dilations"), rank, 1)
    for size, k, s, d in zip(x.shape[2:], kernel, strides, dilations):
        total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
        small, large = total // 2, total - total // 2
        begin.append(small if mode == "SAME_UPPER" else large)
        end.append(large if mode == "SAME_UPPER" else small)
    return dict(a, pads=begin + end)


def _conv(v, a):
    x, w, b = v[0], v[1], v[2] if len(v) > 2 else None
    a = _same(x, w.shape[2:], a)
    conv = getattr(F, f"conv{x.dim() - 2}d")
    return conv(_pads(x, a), w, b, a.get("strides", 1), 0, a.get("dilations", 1), a.get("group", 1))


def _conv_transpose(v, a):
    """The whole transposed convolution, then what the padding cuts off."""
    x, w, b = v[0], v[1], v[2] if len(v) > 2 else None
    rank = x.dim() - 2
    strides, dilations = _list(a.get("strides"), rank, 1), _list(a.get("dilations"), rank, 1)
    more, pads = _list(a.get("output_padding"), rank, 0), _list(a.get("pads"), 2 * rank, 0)
    y = getattr(F, f"conv_transpose{rank}d")(x, w, None, strides, 0, 0, a.get("group", 1), dilations)
    y = F.pad(y, [p for m in reversed(more) for p in (0, m)])
    mode = a.get("auto_pad", b"NOTSET").decode()
    if mode.startswith("SAME"):
        total = [full - n * s for full, n, s in zip(y.shape[2:], x.shape[2:], strides)]
        half, rest = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = half + rest if mode == "SAME_UPPER" else rest + half
    for i in range(rank):
        y = y.narrow(2 + i, pads[i], y.shape[2 + i] - pads[i] - pads[rank + i])
    return y if b is None else y + b.reshape([-1] + [1] * rank)


def _max_pool(v, a):
    rank = v[0].dim() - 2
    a = _same(v[0], a["kernel_shape"], a)
    ceil, p = bool(a.get("ceil_mode", 0)), _list(a.get("pads"), 2 * rank, 0)
    pool = getattr(F, f"max_pool{rank}d")
    kernel, strides, dilations = a["kernel_shape"], a.get("strides", [1] * rank), a.get("dilations", 1)
    if p[:rank] == p[rank:] and all(2 * b <= k for b, k in zip(p, kernel)):  # PyTorch's own padding
        return pool(v[0], kernel, strides, p[:rank], dilations, ceil)
    return pool(_pads(v[0], a, -np.inf), kernel, strides, 0, dilations, ceil)


def _windows(x, a):
    """For each window: its place in the output, the part of the padded input in it, and that part's extent in x itself."""
    rank = x.dim() - 2
    kernel, a = a["kernel_shape"], _same(x, a["kernel_shape"], a)
    strides, dilations = _list(a.get("strides"), rank, 1), _list(a.get("dilations"), rank, 1)
    pads = _list(a.get("pads"), 2 * rank, 0)
    ranges = []
    for i in range(rank):
        size, reach = x.shape[2 + i] + pads[i] + pads[rank + i], dilations[i] * (kernel[i] - 1) + 1
        count = (-(-(size - reach) // strides[i]) if a.get("ceil_mode") else (size - reach) // strides[i]) + 1
        # A window that would begin in the padding after the input is dropped.
        count -= bool(a.get("ceil_mode")) and (count - 1) * strides[i] >= x.shape[2 + i] + pads[i]
        ranges.append([[p * strides[i] + k * dilations[i] - pads[i] for k in range(kernel[i])] for p in range(count)])
    for place in itertools.product(*[range(len(r)) for r in ranges]):
        inside, padded = [], []
        for i, p in enumerate(place):
            inside.append([q for q in ranges[i][p] if 0 <= q < x.shape[2 + i]])
            padded.append([q for q in ranges[i][p] if -pads[i] <= q < x.shape[2 + i] + pads[rank + i]])
        part = x
        for i, indices in enumerate(inside):
            part = part.index_select(2 + i, torch.tensor(indices, dtype=torch.long))
        yield [len(r) for r in ranges], part, int(np.prod([len(p) for p in padded]))


def _average_pool(v, a):
    values = []
    for shape, part, padded in _windows(v[0], a):
        over = tuple(range(2, part.dim()))
        values.append(part.sum(over) / (padded if a.get("count_include_pad") else max(part[0, 0].numel(), 1)))
    return torch.stack(values, -1).reshape(*v[0].shape[:2], *shape)


def _lp_pool(v, a):
    p, values = a.get("p", 2), []
    for shape, part, _ in _windows(v[0], a):
        # As a norm, whose derivative of nothing but zeros is 0.
        values.append(torch.linalg.vector_norm(part, p, tuple(range(2, part.dim()))))
    return torch.stack(values, -1).reshape(*v[0].shape[:2], *shape)


def _gemm(v, a):
    A = v[0].T if a.get("transA") else v[0]
    B = v[1].T if a.get("transB") else v[1]
    y = _float(a, "alpha", 1.0) * (A @ B)
    return y + _float(a, "beta", 1.0) * v[2] if len(v) > 2 else y


def _clip(v, a):
    # hardtanh is what relu6 is made of; its gradient at the bounds is 0 (clamp's is 1).
    low = float(v[1]) if len(v) > 1 and v[1] is not None else -np.inf
    high = float(v[2]) if len(v) > 2 and v[2] is not None else np.inf
    return F.hardtanh(v[0], low, high)


def _reshape(v, a):
    shape = [v[0].shape[i] if d == 0 and not a.get("allowzero") else int(d) for i, d in enumerate(v[1])]
    return v[0].reshape(shape)


def _axes(v, a):
    """The axes of a reduction, an attribute or an input; all where there are none."""
    axes = v[1].tolist() if len(v) > 1 and v[1] is not None else a.get("axes")
    return tuple(axes) if axes else tuple(range(v[0].dim()))


def _reduce(function):
    def run(v, a):
        if a.get("noop_with_empty_axes") and (len(v) < 2 or v[1] is None) and not a.get("axes"):
            return v[0] * 1.0
        return function(v[0], _axes(v, a), bool(a.get("keepdims", 1)))
    return run


def _squeeze(v, a):
    axes = v[1].tolist() if len(v) > 1 else a.get("axes")
    axes = [i for i, d in enumerate(v[0].shape) if d == 1] if axes is None else [i % v[0].dim() for i in axes]
    return v[0].reshape([d for i, d in enumerate(v[0].shape) if i not in axes])


def _unsqueeze(v, a):
    axes = v[1].tolist() if len(v) > 1 else a["axes"]
    rank = v[0].dim() + len(axes)
    y = v[0]
    for axis in sorted(i % rank for i in axes):
        y = y.unsqueeze(axis)
    return y


def _flatten(v, a):
    axis = a.get("axis", 1)
    axis += v[0].dim() if axis < 0 else 0
    return v[0].reshape(int(np.prod(v[0].shape[:axis])), -1)


def _coerced(function):
    """Softmax over one axis, or before opset 13 over all from one on."""
    def run(v, a):
        x = v[0]
        if a["opset"] >= 13:
            return function(x, a.get("axis", -1))
        axis = a.get("axis", 1) % x.dim()
        return function(x.reshape(int(np.prod(x.shape[:axis])), -1), -1).reshape(x.shape)
    return run


def _group_norm(v, a):
    x, groups = v[0], a["num_groups"]
    scale, shift = v[1], v[2]
    if a["opset"] < 21:
        scale, shift = (t.repeat_interleave(x.shape[1] // groups) for t in (scale, shift))
    return F.group_norm(x, groups, scale, shift, _float(a, "epsilon", 1e-5))


def _layer_norm(v, a):
    axis = a.get("axis", -1) % v[0].dim()
    return F.layer_norm(v[0], v[0].shape[axis:], None, None, _float(a, "epsilon", 1e-5)) * v[1] + (v[2] if len(v) > 2 else 0.0)


def _lrn(v, a):
    x, n = v[0], a["size"]
    sums = []
    for c in range(x.shape[1]):
        sums.append(x[:, max(0, c - (n - 1) // 2):c + n // 2 + 1].square().sum(1))
    d = _float(a, "bias", 1.0) + _float(a, "alpha", 1e-4) / n * torch.stack(sums, 1)
    return x / d ** _float(a, "beta", 0.75)


def _gather(v, a):
    axis = a.get("axis", 0) % v[0].dim()
    indices = v[1] % v[0].shape[axis]
    y = v[0].index_select(axis, indices.reshape(-1))
    return y.reshape([*v[0].shape[:axis], *indices.shape, *v[0].shape[axis + 1:]])


def _slice(v, a):
    y = v[0]
    axes = v[3].tolist() if len(v) > 3 and v[3] is not None else list(range(len(v[1])))
    steps = v[4].tolist() if len(v) > 4 else [1] * len(v[1])
    for start, end, axis, step in zip(v[1].tolist(), v[2].tolist(), axes, steps):
        end = None if step < 0 and end < -y.shape[axis] else end
        y = y.index_select(axis, torch.arange(y.shape[axis])[np.arange(y.shape[axis])[start:end:step].copy()])
    return y


def _pad(v, a):
    y, mode = v[0], a.get("mode", b"constant").decode()
    axes = [i % y.dim() for i in v[3].tolist()] if len(v) > 3 else list(range(y.dim()))
    pads = v[1].tolist()
    for n, axis in enumerate(axes):
        begin, end = pads[n], pads[len(axes) + n]
        if mode == "constant":
            value = float(v[2]) if len(v) > 2 and v[2] is not None else 0.0
            y = F.pad(y, [0, 0] * (y.dim() - 1 - axis) + [begin, end], value=value)
        else:
            y = y.index_select(axis, torch.from_numpy(np.pad(np.arange(y.shape[axis]), (begin, end), mode)))
    return y


def _split(v, a):
    axis, sizes = a.get("axis", 0), v[1].tolist() if len(v) > 1 and v[1] is not None else a.get("split")
    if sizes is None:
        sizes = -(-v[0].shape[axis] // a["outputs"])
    return torch.split(v[0], sizes, axis)


def _resize(v, a):
    """Along each axis by the matrix that ONNX's own reference makes of the unit vectors."""
    x = v[0]
    axes = [i % x.dim() for i in a.get("axes", range(x.dim()))]
    attributes = {k: w for k, w in a.items() if k not in ("axes", "opset", "outputs")}
    for n, axis in enumerate(axes):
        if axis == 0:
            continue
        given = ["", ""]
        if len(v) > 3 and v[3] is not None:
            given = ["", "sizes"]
            constant = numpy_helper.from_array(np.array([x.shape[axis], int(v[3][n])]), "sizes")
        else:
            given = ["scales"]
            constant = numpy_helper.from_array(np.array([1.0, float(v[2][n])], np.float32), "scales")
        node = helper.make_node("Resize", ["x", ""] + given, ["y"], **attributes)
        graph = helper.make_graph(
            [node], "axis", [helper.make_tensor_value_info("x", onnx.TensorProto.DOUBLE, None)],
            [helper.make_tensor_value_info("y", onnx.TensorProto.DOUBLE, None)], [constant])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", max(a["opset"], 13))])
        matrix = ReferenceEvaluator(model).run(None, {"x": np.eye(x.shape[axis])})[0]
        x = torch.tensordot(x, torch.from_numpy(np.ascontiguousarray(matrix)), ([axis], [0])).movedim(-1, axis)
    return x


def _hard_sigmoid(v, a):
    return F.hardtanh(_float(a, "alpha", 0.2) * v[0] + _float(a, "beta", 0.5), 0.0, 1.0)


def _selu(v, a):
    alpha, gamma = _float(a, "alpha", 1.67326319217681884765625), _float(a, "gamma", 1.05070102214813232421875)
    return gamma * F.elu(v[0], alpha)


def _fold(function):
    def run(v, a):
        y = v[0]
        for other in v[1:]:
            y = function(y, other)
        return y
    return run


def _cast(v, a):
    """`wide` takes single precision for double, where a whole graph is run so."""
    single = torch.float64 if a.get("wide") else torch.float32
    return v[0].to({1: single, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}[a["to"]])


def _constant_of_shape(v, a):
    value = torch.from_numpy(numpy_helper.to_array(a["value"]).copy()) if "value" in a else torch.zeros(1, dtype=torch.float64)
    value = value.double() if a.get("wide") and value.is_floating_point() else value
    return value.reshape(()).expand(tuple(v[0].tolist())).clone()


def _scatter_nd(v, a):
    places = tuple(v[1].movedim(-1, 0))
    return v[0].clone().index_put(places, v[2], accumulate=a.get("reduction", b"none") == b"add")


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


def _cumulative_sum(v, a):
    axis = int(v[1])
    turn = (lambda x: x.flip(axis)) if a.get("reverse", 0) else (lambda x: x)
    x = turn(v[0])
    return turn(x.cumsum(axis) - x if a.get("exclusive", 0) else x.cumsum(axis))


def _depth_to_space(v, a):
    n, c, h, w = v[0].shape
    b = a["blocksize"]
    if _text(a.get("mode", b"DCR")) == "CRD":
        return F.pixel_shuffle(v[0], b)
    return v[0].reshape(n, b, b, c // b ** 2, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // b ** 2, h * b, w * b)


def _space_to_depth(v, a):
    n, c, h, w = v[0].shape
    b = a["blocksize"]
    return v[0].reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, c * b ** 2, h // b, w // b)


OPERATORS = {
    "Abs": lambda v, a: v[0].abs(),
    "Add": lambda v, a: v[0] + v[1],
    "Atan": lambda v, a: v[0].atan(),
    "AveragePool": _average_pool,
    "BatchNormalization": lambda v, a: F.batch_norm(v[0], v[3], v[4], v[1], v[2], False, 0.0, _float(a, "epsilon", 1e-5)),
    "ArgMax": lambda v, a: v[0].argmax(a.get("axis", 0), keepdim=bool(a.get("keepdims", 1))),
    "And": lambda v, a: v[0] & v[1],
    "Cast": _cast,
    "Ceil": lambda v, a: v[0].ceil(),
    "Celu": lambda v, a: F.celu(v[0], _float(a, "alpha", 1.0)),
    "Clip": _clip,
    "Concat": lambda v, a: torch.cat(v, a["axis"]),
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Cos": lambda v, a: v[0].cos(),
    "CumSum": _cumulative_sum,
    "DepthToSpace": _depth_to_space,
    "Div": lambda v, a: v[0] / v[1] if v[0].is_floating_point() else torch.div(v[0], v[1], rounding_mode="trunc"),
    "Dropout": lambda v, a: v[0],
    "Einsum": lambda v, a: torch.einsum(_text(a["equation"]), *v),
    "Elu": lambda v, a: F.elu(v[0], _float(a, "alpha", 1.0)),
    "Equal": lambda v, a: v[0] == v[1],
    "Erf": lambda v, a: torch.erf(v[0]),
    "Exp": lambda v, a: v[0].exp(),
    "Expand": lambda v, a: torch.broadcast_to(v[0], torch.broadcast_shapes(v[0].shape, tuple(v[1].tolist()))),
    "Flatten": _flatten,
    "Floor": lambda v, a: v[0].floor(),
    "Gather": _gather,
    "GatherND": lambda v, a: v[0][tuple(v[1].movedim(-1, 0))],
    "Gelu": lambda v, a: F.gelu(v[0], approximate=a.get("approximate", b"none").decode()),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda v, a: v[0].mean(tuple(range(2, v[0].dim())), keepdim=True),
    "GlobalMaxPool": lambda v, a: getattr(F, f"adaptive_max_pool{v[0].dim() - 2}d")(v[0], 1),
    "Greater": lambda v, a: v[0] > v[1],
    "GreaterOrEqual": lambda v, a: v[0] >= v[1],
    "GroupNormalization": _group_norm,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda v, a: F.hardswish(v[0]),
    "Identity": lambda v, a: v[0],
    "InstanceNormalization": lambda v, a: F.instance_norm(v[0], None, None, v[1], v[2], True, 0.0, _float(a, "epsilon", 1e-5)),
    "LRN": _lrn,
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda v, a: F.leaky_relu(v[0], _float(a, "alpha", 0.01)),
    "Less": lambda v, a: v[0] < v[1],
    "LessOrEqual": lambda v, a: v[0] <= v[1],
    "Log": lambda v, a: v[0].log(),
    "LogSoftmax": _coerced(F.log_softmax),
    "LpPool": _lp_pool,
    "MatMul": lambda v, a: v[0] @ v[1],
    "Max": lambda v, a: torch.stack(torch.broadcast_tensors(*v)).amax(0),
    "MaxPool": _max_pool,
    "Mean": lambda v, a: _fold(torch.add)(v, a) / len(v),
    "Min": lambda v, a: torch.stack(torch.broadcast_tensors(*v)).amin(0),
    "Mish": lambda v, a: F.mish(v[0]),
    "Mod": lambda v, a: v[0] % v[1],
    "Mul": lambda v, a: v[0] * v[1],
    "Neg": lambda v, a: -v[0],
    "Not": lambda v, a: ~v[0],
    "Or": lambda v, a: v[0] | v[1],
    "PRelu": lambda v, a: torch.where(v[0] > 0, v[0], v[1] * v[0]),
    "Pad": _pad,
    "Pow": lambda v, a: v[0].pow(v[1].to(v[0].dtype)),
    "Range": lambda v, a: torch.arange(v[0].item(), v[1].item(), v[2].item()),
    "Reciprocal": lambda v, a: v[0].reciprocal(),
    "ReduceL1": _reduce(lambda x, axes, keep: x.abs().sum(axes, keep)),
    "ReduceL2": _reduce(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    "ReduceLogSum": _reduce(lambda x, axes, keep: x.sum(axes, keep).log()),
    "ReduceLogSumExp": _reduce(lambda x, axes, keep: x.logsumexp(axes, keep)),
    "ReduceMax": _reduce(lambda x, axes, keep: x.amax(axes, keep)),
    "ReduceMean": _reduce(lambda x, axes, keep: x.mean(axes, keep)),
    "ReduceMin": _reduce(lambda x, axes, keep: x.amin(axes, keep)),
    "ReduceSum": _reduce(lambda x, axes, keep: x.sum(axes, keep)),
    "ReduceSumSquare": _reduce(lambda x, axes, keep: x.square().sum(axes, keep)),
    "Relu": lambda v, a: F.relu(v[0]),
    "Reshape": _reshape,
    "Resize": _resize,
    "ScatterND": _scatter_nd,
    "Selu": _selu,
    "Shape": lambda v, a: torch.tensor(v[0].shape[a.get("start", 0):a.get("end")]),
    "Sigmoid": lambda v, a: v[0].sigmoid(),
    "Sin": lambda v, a: v[0].sin(),
    "Slice": _slice,
    "Softmax": _coerced(F.softmax),
    "Softplus": lambda v, a: F.softplus(v[0], threshold=1e9),
    "Softsign": lambda v, a: F.softsign(v[0]),
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Sqrt": lambda v, a: v[0].sqrt(),
    "Squeeze": _squeeze,
    "Sub": lambda v, a: v[0] - v[1],
    "Sum": _fold(torch.add),
    "Tanh": lambda v, a: v[0].tanh(),
    "ThresholdedRelu": lambda v, a: F.threshold(v[0], _float(a, "alpha", 1.0), 0.0),
    "Tile": lambda v, a: v[0].tile(tuple(v[1].tolist())),
    "Transpose": lambda v, a: v[0].permute(*a.get("perm", range(v[0].dim())[::-1])),
    "Trilu": lambda v, a: (torch.triu if a.get("upper", 1) else torch.tril)(v[0], int(v[1]) if len(v) > 1 else 0),
    "Unsqueeze": _unsqueeze,
    "Where": lambda v, a: torch.where(v[0], v[1], v[2]),
}


def run(model, image):
    """All values of the graph by name, as torch tensors of the input's type that retain their gradients."""
    graph = model.graph
    opset = model.opset_import[0].version
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    values[graph.input[0].name] = image
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        attributes |= dict(opset=opset, outputs=len(node.output))
        results = OPERATORS[node.op_type]([values[i] if i else None for i in node.input], attributes)
        for output, y in zip(node.output, results if isinstance(results, tuple) else [results]):
            if y.requires_grad:
                y.retain_grad()
            values[output] = y
    return values
