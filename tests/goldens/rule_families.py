"""Random networks of one operator each, for gradient_rules.py: shapes, attributes and opsets are drawn anew for each number.

A family is a function of a `Network` under construction and its random generator. Every operator that has a rule is the
subject of at least one. Needs numpy.
"""

import numpy as np

FAMILIES = {}


def family(low=11, high=21, ties=False):
    """Registers a family, with the opsets its operator is drawn from; `ties` draws pictures of few values every other time."""
    def register(build):
        FAMILIES[build.__name__] = (build, low, high, ties)
        return build
    return register


def unary(operator, low=11, ties=False, positive=False, **attributes):
    """An operator of one operand. `positive` lets it see e^x."""
    def build(n, rng):
        x = n.op("Exp", "picture", tap=False) if positive else "picture"
        drawn = {key: float(np.float32(rng.uniform(*bounds))) for key, bounds in attributes.items() if rng.random() < 0.7}
        return n.op(operator, x, **drawn)
    build.__name__ = operator.lower()
    family(low, ties=ties)(build)


unary("Abs", ties=True)
unary("Atan")
unary("Celu", low=12, ties=True, alpha=(0.3, 2.0))
unary("Cos")
unary("Elu", ties=True, alpha=(0.3, 2.0))
unary("Erf", low=13)
unary("Exp")
unary("HardSigmoid", ties=True, alpha=(0.1, 0.6), beta=(0.2, 0.7))
unary("HardSwish", low=14, ties=True)
unary("LeakyRelu", ties=True, alpha=(-0.2, 0.4))
unary("Log", positive=True)
unary("Mish", low=18)
unary("Neg")
unary("Reciprocal", positive=True)
unary("Relu", ties=True)
unary("Selu", ties=True, alpha=(1.0, 2.0), gamma=(0.8, 1.4))
unary("Sigmoid")
unary("Sin")
unary("Softplus")
unary("Softsign", ties=True)
unary("Sqrt", positive=True)
unary("Tanh")
unary("ThresholdedRelu", ties=True, alpha=(0.1, 1.5))


@family(low=20)
def gelu(n, rng):
    return n.op("Gelu", "picture", **({"approximate": "tanh"} if rng.random() < 0.5 else {}))


@family()
def gelu_of_erf(n, rng):
    share = n.op("Erf", n.op("Div", "picture", n.constant(np.float64(2 ** 0.5))))
    half = n.op("Mul", "picture", n.op("Add", share, n.constant(np.float64(1.0))))
    return n.op("Mul", half, n.constant(np.float64(0.5)))


@family()
def silu_and_hard_swish_decomposed(n, rng):
    silu = n.op("Mul", "picture", n.op("Sigmoid", "picture"))
    moved = n.op("Add", silu, n.constant(np.float64(3.0)))
    gate = n.op("Clip", moved, n.constant(np.float64(0.0)), n.constant(np.float64(6.0)))
    return n.op("Div", n.op("Mul", silu, gate), n.constant(np.float64(6.0)))


@family(ties=True)
def prelu(n, rng):
    c = n.picture[0]
    slope = [n.weight(c, 1, 1), n.weight(1), n.op("GlobalAveragePool", "picture")][rng.integers(3)]
    return n.op("PRelu", "picture", slope)


@family(ties=True)
def extremum(n, rng):
    others = [n.constant(rng.integers(-2, 3, (n.picture[0], 1, 1)).astype(np.float64)), n.op("Neg", "picture"),
              n.op("ReduceMean", "picture", axes=[2], keepdims=1) if n.opset < 18 else n.op("Neg", "picture")]
    return n.op(["Max", "Min"][rng.integers(2)], "picture", *others[:rng.integers(1, 4)])


@family()
def sum_and_mean(n, rng):
    return n.op(["Sum", "Mean"][rng.integers(2)], "picture", n.op("Tanh", "picture"), n.weight(n.picture[0], 1, 1))


@family()
def arithmetic(n, rng):
    c, h, w = n.picture
    other = [n.op("GlobalAveragePool", "picture"), n.op("Exp", "picture"), n.weight(w), n.weight(c, 1, 1)][rng.integers(4)]
    bound = n.op("Add", n.op("Mul", other, other), n.constant(np.float64(0.5)))
    pair = ["picture", bound] if rng.random() < 0.5 else [bound, n.op("Exp", "picture")]
    return n.op(["Add", "Sub", "Mul", "Div"][rng.integers(4)], *pair)


@family(low=12)
def power(n, rng):
    base = n.op("Exp", "picture")
    exponent = [n.constant(np.float64(2.0)), n.constant(np.float64(0.5)), n.constant(np.int64(3)), n.weight(n.picture[2]),
                n.op("Tanh", "picture"), n.constant(np.float64(0.0)), n.constant(np.array([0.0, 2.0] * 8)[:n.picture[2]])]
    return n.op("Add", n.op("Pow", base, exponent[rng.integers(7)]), n.op("Pow", "picture", n.constant(np.float64(2.0))))


@family(ties=True)
def where(n, rng):
    condition = n.op("Greater", "picture", n.constant(np.float64(0.1)), tap=False)
    mask = n.constant(rng.random((n.picture[1], 1)) < 0.5)
    return n.op("Where", [condition, mask][rng.integers(2)], n.op("GlobalAveragePool", "picture"), "picture")


@family()
def expand(n, rng):
    c, h, w = n.picture
    target = [[1, 1, h, w], [3, 1]][rng.integers(2)]
    wide = n.op("Expand", n.op("GlobalAveragePool", "picture"), n.constant(target))
    return n.op("Mul", wide, n.weight(c, *target[-2:]))


def drawn_axes(rng, rank):
    count = rng.integers(1, rank)
    axes = sorted((1 + rng.permutation(rank - 1)[:count]).tolist())
    return [a - rank if rng.random() < 0.3 else a for a in axes]


@family(ties=True)
def reduce(n, rng):
    operator = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"][rng.integers(6)]
    since = 13 if operator == "ReduceSum" else 18
    return n.with_axes(operator, "picture", drawn_axes(rng, 4), since, keepdims=int(rng.integers(2)))


@family()
def reduce_of_positive(n, rng):
    operator = ["ReduceL1", "ReduceLogSum", "ReduceLogSumExp"][rng.integers(3)]
    x = "picture" if operator == "ReduceLogSumExp" else n.op("Exp", "picture")
    x = n.op("Sub", x, n.weight(n.picture[2])) if operator == "ReduceL1" else x
    return n.with_axes(operator, x, drawn_axes(rng, 4), 18, keepdims=int(rng.integers(2)))


@family()
def softmax(n, rng):
    operator = ["Softmax", "LogSoftmax"][rng.integers(2)]
    attributes = {} if rng.random() < 0.2 else {"axis": int(rng.integers(1, 4)) - (4 if rng.random() < 0.4 else 0)}
    return n.op(operator, "picture", **attributes)


@family()
def instance_norm(n, rng):
    c = n.picture[0]
    return n.op("InstanceNormalization", n.folded(rng), n.weight(c), n.weight(c), epsilon=1e-3)


@family(low=17)
def layer_norm(n, rng):
    axis = int(rng.integers(1, 4))
    shape = n.picture[axis - 1:]
    inputs = [n.weight(*shape)] + ([n.weight(*shape)] if rng.random() < 0.7 else [])
    return n.op("LayerNormalization", "picture", *inputs, axis=axis - (4 if rng.random() < 0.5 else 0), epsilon=1e-3)


@family()
def layer_norm_decomposed(n, rng):
    mean = n.with_axes("ReduceMean", "picture", [-1], 18, keepdims=1)
    centred = n.op("Sub", "picture", mean)
    variance = n.with_axes("ReduceMean", n.op("Pow", centred, n.constant(np.float64(2.0))), [-1], 18, keepdims=1)
    deviation = n.op("Sqrt", n.op("Add", variance, n.constant(np.float64(2.0 ** -10))))
    return n.op("Mul", n.op("Div", centred, deviation), n.weight(n.picture[2]))


@family(low=18)
def group_norm(n, rng):
    groups, each = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    c = groups * each
    x = n.conv("picture", n.picture[0], c, [1, 1])
    size = groups if n.opset < 21 else c
    return n.op("GroupNormalization", x, n.weight(size), n.weight(size), num_groups=groups, epsilon=1e-3)


@family()
def batch_norm(n, rng):
    return n.batch_norm(n.folded(rng), n.picture[0])


@family()
def lrn(n, rng):
    x = n.conv("picture", n.picture[0], 5, [1, 1])
    attributes = dict(alpha=float(np.float32(rng.uniform(0.1, 1))), beta=float(np.float32(rng.uniform(0.3, 1.2))),
                      bias=float(np.float32(rng.uniform(0.5, 2))))
    return n.op("LRN", x, size=int(rng.integers(1, 6)), **attributes)


def window(n, rng, rank, dilated=True, uneven=True):
    """Kernel, strides, dilations and padding that leave at least one position."""
    extents = n.picture[1:] if rank == 2 else [n.picture[1] * n.picture[2]] if rank == 1 else [n.picture[1], n.picture[2], 1]
    kernel, strides, dilations, begin, end = [], [], [], [], []
    for size in extents:
        d = int(rng.integers(1, 3)) if dilated else 1
        k = int(rng.integers(1, max(2, min(4, (size - 1) // d + 1) + 1)))
        reach = d * (k - 1) + 1
        # tract 0.23 cannot compile a stride over a kernel of 1 behind or before a reshape.
        s = int(rng.integers(1, 4)) if k > 1 or rank == 2 else 1
        kernel.append(k), dilations.append(d), strides.append(s)
        begin.append(int(rng.integers(0, k // 2 + 1)))
        end.append(int(rng.integers(0, k // 2 + 1)) if uneven else begin[-1])
        assert reach <= size
    attributes = dict(kernel_shape=kernel, strides=strides)
    if dilated:
        attributes["dilations"] = dilations
    if rng.random() < 0.2:
        return attributes | dict(auto_pad=["SAME_UPPER", "SAME_LOWER", "VALID"][rng.integers(3)])
    return attributes | dict(pads=begin + end)


@family()
def conv(n, rng):
    groups = int(rng.integers(1, 4))
    c, o = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    rank = int(rng.integers(1, 4))
    x = n.spread(n.conv("picture", n.picture[0], c, [1, 1], tap=False), rank)
    attributes = window(n, rng, rank)
    w = n.weight(o, c // groups, *attributes["kernel_shape"])
    if rng.random() < 0.3:
        del attributes["kernel_shape"]
    return n.op("Conv", x, w, *([n.weight(o)] if rng.random() < 0.5 else []), group=groups, **attributes)


@family()
def conv_transpose(n, rng):
    groups = int(rng.integers(1, 4))
    c, o = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    rank = int(rng.integers(1, 3))
    x = n.spread(n.conv("picture", n.picture[0], c, [1, 1], tap=False), rank)
    kernel = [int(k) for k in rng.integers(2, 4, rank)]  # see `window`: its gradient is a strided convolution
    strides, dilations = ([int(v) for v in rng.integers(1, 3, rank)] for _ in range(2))
    attributes = dict(kernel_shape=kernel, strides=strides, dilations=dilations, group=groups)
    if rng.random() < 0.25 and all(d * (k - 1) >= s for d, k, s in zip(dilations, kernel, strides)):
        attributes["auto_pad"] = ["SAME_UPPER", "SAME_LOWER"][rng.integers(2)]
    else:
        reach = [d * (k - 1) for d, k in zip(dilations, kernel)]
        attributes["pads"] = [int(rng.integers(0, r // 2 + 1)) for r in reach + reach]
        attributes["output_padding"] = [int(rng.integers(0, max(s, d))) for s, d in zip(strides, dilations)]
    return n.op("ConvTranspose", x, n.weight(c, o // groups, *kernel), *([n.weight(o)] if rng.random() < 0.5 else []), **attributes)


@family(ties=True)
def max_pool(n, rng):
    rank = int(rng.integers(1, 3))
    attributes = window(n, rng, rank, uneven=rng.random() < 0.5)
    symmetric = attributes.get("pads", [])[:rank] == attributes.get("pads", [])[rank:]
    if symmetric and "pads" in attributes and rng.random() < 0.5:
        attributes["ceil_mode"] = 1
    return n.op("MaxPool", n.spread("picture", rank), **attributes)


@family()
def average_pool(n, rng):
    rank = int(rng.integers(1, 3))
    attributes = window(n, rng, rank, dilated=n.opset >= 19 and rng.random() < 0.5)
    attributes["count_include_pad"] = int(rng.integers(2))
    if "pads" in attributes and rng.random() < 0.5:
        attributes["ceil_mode"] = 1
    return n.op("AveragePool", n.spread("picture", rank), **attributes)


@family(low=11)
def lp_pool(n, rng):
    attributes = window(n, rng, 2, dilated=n.opset >= 18 and rng.random() < 0.5)
    return n.op("LpPool", "picture", p=int(rng.integers(1, 4)), **attributes)


@family(ties=True)
def global_max_pool(n, rng):
    return n.op("GlobalMaxPool", n.folded(rng))


@family()
def global_average_pool(n, rng):
    return n.op("GlobalAveragePool", n.folded(rng))


@family()
def concat(n, rng):
    axis = int(rng.integers(1, 4))
    shape = list(n.picture)
    shape[axis - 1] = 2
    n.need_batch_of_one = True
    parts = ["picture", n.op("Tanh", "picture"), n.constant(rng.standard_normal([1] + shape)), "picture"]
    return n.op("Concat", *[parts[i] for i in rng.permutation(4)[:rng.integers(1, 5)]], "picture", axis=axis - (4 if rng.random() < 0.5 else 0))


@family()
def split(n, rng):
    axis = int(rng.integers(2, 4))
    extent = n.picture[axis - 1]
    first = int(rng.integers(1, extent))
    sizes = [first, extent - first]
    given = rng.random() < 0.6 or (extent % 2 and n.opset < 18)
    inputs, attributes = ["picture"], dict(axis=axis - (4 if rng.random() < 0.3 else 0))
    if given and n.opset < 13:
        attributes["split"] = sizes
    elif given:
        inputs.append(n.constant(sizes))
    elif n.opset >= 18:
        attributes["num_outputs"] = 2
    a, b = n.several("Split", 2, *inputs, **attributes)
    if rng.random() < 0.4:
        return n.op("Tanh", [a, b][rng.integers(2)])  # one part is left alone
    flat = [n.op("Flatten", n.op("Exp", part)) for part in (b, a)]
    return n.op("Concat", *flat, axis=1)


@family()
def slice(n, rng):
    axes = drawn_axes(rng, 4)
    starts, ends, steps = [], [], []
    for a in axes:
        size = n.picture[a % 4 - 1]
        step = int(rng.choice([1, 1, 2, 3, -1, -2]))
        low, high = sorted(rng.permutation(size + 1)[:2].tolist())
        start, end = (low, high) if step > 0 else (high - 1, low - 1)
        start = start - size if rng.random() < 0.3 and start < size else start
        end = [end, 2 ** 62, end][rng.integers(3)] if step > 0 else [end if end >= 0 else -2 ** 62, -2 ** 62][rng.integers(2)]
        starts.append(start), ends.append(end), steps.append(step)
    return n.op("Slice", "picture", *[n.constant(np.array(v, np.int64)) for v in (starts, ends, axes, steps)])


@family()
def gather(n, rng):
    axis = int(rng.integers(1, 4))
    extent = n.picture[axis - 1]
    shape = [(), (3,), (2, 2), (1,), (extent,)][rng.integers(5)]
    indices = rng.integers(-extent, extent, shape) if shape != (extent,) or rng.random() < 0.5 else rng.permutation(extent)
    return n.op("Gather", "picture", n.constant(np.asarray(indices, np.int64)), axis=axis - (4 if rng.random() < 0.5 else 0))


@family()
def pad(n, rng):
    modes = ["constant", "constant", "reflect", "edge"] + (["wrap"] if n.opset >= 19 else [])
    mode = modes[rng.integers(len(modes))]
    axes = [int(a) % 4 for a in drawn_axes(rng, 4)]
    most = [min(2, n.picture[a - 1] - 1) for a in axes]
    low = -1 if mode == "constant" and min(most) == 2 else 0
    drawn = [int(rng.integers(low, m + 1)) for m in most + most]
    inputs = [n.constant(np.float64(0.7))] if mode == "constant" and rng.random() < 0.5 else []
    if n.opset >= 18 and rng.random() < 0.5:
        inputs = (inputs or [""]) + [n.constant(axes)]
    else:
        whole = [0] * 8
        for i, a in enumerate(axes):
            whole[a], whole[4 + a] = drawn[i], drawn[len(axes) + i]
        drawn = whole
    return n.op("Pad", "picture", n.constant(drawn), *inputs, mode=mode)


@family(low=13)
def resize(n, rng):
    linear = rng.random() < 0.5
    modes = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"] + (["half_pixel_symmetric"] if n.opset >= 19 else [])
    attributes = dict(mode="linear" if linear else "nearest", coordinate_transformation_mode=modes[rng.integers(len(modes))])
    if not linear:
        attributes["nearest_mode"] = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"][rng.integers(4)]
    if n.opset >= 18 and rng.random() < 0.4:
        attributes["axes"] = axes = [2, 3] if rng.random() < 0.7 else [3]
    else:
        axes = [0, 1, 2, 3]
    shape = [1] + n.picture
    if rng.random() < 0.5:
        # With corners aligned ONNX's reference takes the extent before it is rounded down; runtimes, and the text, after.
        odd = [] if attributes["coordinate_transformation_mode"] == "align_corners" else [1.5, 0.6, 2.3]
        scales = [1.0 if a < 2 else float(rng.choice([2.0, 3.0] + odd)) for a in axes]
        return n.op("Resize", "picture", "", n.constant(np.array(scales, np.float32)), **attributes)
    if 0 in axes:
        n.need_batch_of_one = True
    sizes = [shape[a] if a < 2 else int(rng.integers(2, 9)) for a in axes]
    return n.op("Resize", "picture", "", "", n.constant(np.array(sizes, np.int64)), **attributes)


@family()
def reshape(n, rng):
    c, h, w = n.picture
    targets = [[0, c, h * w], [0, -1], [-1, c * h, w], [0, h, -1, w], [-1, w, h, c]]
    return n.op("Reshape", "picture", n.constant(targets[rng.integers(5)]))


@family()
def flatten(n, rng):
    flat = n.op("Flatten", "picture", axis=[1, 2, 3, -1][rng.integers(4)])
    return n.op("Reshape", n.op("Tanh", flat), n.constant([-1] + n.picture))


@family()
def transpose(n, rng):
    return n.op("Transpose", "picture", perm=[0] + (1 + rng.permutation(3)).tolist())


@family()
def squeeze(n, rng):
    axes = [2, 3] if rng.random() < 0.5 else [-1]
    pooled = n.op("GlobalAveragePool", n.op("Exp", "picture"))
    flat = n.with_axes("Squeeze", pooled, axes, 13)
    return n.with_axes("Unsqueeze", flat, [[1], [-1, 1], [2]][rng.integers(3)], 13)


@family()
def dropout_identity_cast(n, rng):
    x = n.op("Dropout", n.op("Identity", "picture"))
    return n.op("Cast", x, to=11)


@family(ties=True)
def clip(n, rng):
    low, high = (n.constant(np.float64(v)) for v in (-1.0, 1.0))
    return n.op("Clip", "picture", *[(low, high), (low,), ("", high), (low, "")][rng.integers(4)])


@family()
def mat_mul(n, rng):
    c, h, w = n.picture
    a = n.op("Tanh", "picture")
    turned = n.op("Transpose", "picture", perm=[0, 1, 3, 2])
    pairs = [(a, turned), (turned, a), (a, n.weight(w, 3)), (n.weight(3, h), a), (n.weight(c, 2, h), a), (a, n.weight(1, w, 2))]
    return n.op("MatMul", *pairs[rng.integers(6)])


@family()
def gemm(n, rng):
    flat = n.op("Flatten", "picture")
    size = int(np.prod(n.picture))
    turned = int(rng.integers(2))
    w = n.weight(4, size) if turned else n.weight(size, 4)
    inputs = [[], [n.weight(4)], [n.weight(1, 4)]][rng.integers(3)]
    return n.op("Gemm", flat, w, *inputs, transB=turned, alpha=0.5, beta=1.5)


@family()
def mul_of_itself_many_times(n, rng):
    x = n.op("Mul", "picture", "picture")
    return n.op("Add", n.op("Mul", x, "picture"), n.op("Sub", x, "picture"))


@family()
def attention(n, rng):
    """One head over the positions: folded to tokens, softmax of products, back to a grid."""
    c, h, w = n.picture
    tokens = n.op("Transpose", n.op("Reshape", "picture", n.constant([0, c, h * w])), perm=[0, 2, 1])
    q, k, v = (n.op("MatMul", tokens, n.weight(c, c)) for _ in range(3))
    scores = n.op("Mul", n.op("MatMul", q, n.op("Transpose", k, perm=[0, 2, 1])), n.constant(np.float64(c ** -0.5)))
    mixed = n.op("MatMul", n.op("Softmax", scores, axis=2), v)
    return n.op("Reshape", n.op("Transpose", mixed, perm=[0, 2, 1]), n.constant([0, c, h, w]))


@family()
def channel_shuffle(n, rng):
    """With a target that is computed from the shape, as exporters write it."""
    c, h, w = n.picture
    x = n.conv("picture", c, 6, [1, 1])
    batch = n.op("Gather", n.op("Shape", x, tap=False), n.constant([0]), axis=0, tap=False)
    apart = n.op("Concat", batch, n.constant([2, 3, h, w]), axis=0, tap=False)
    together = n.op("Concat", batch, n.constant([-1, h, w]), axis=0, tap=False)
    turned = n.op("Transpose", n.op("Reshape", x, apart), perm=[0, 2, 1, 3, 4])
    return n.op("Reshape", turned, together)


@family()
def depth_to_space(n, rng):
    b, groups = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    x = n.conv("picture", n.picture[0], groups * b * b, [1, 1])
    return n.op("DepthToSpace", x, blocksize=b, **({"mode": ["DCR", "CRD"][rng.integers(2)]} if rng.random() < 0.8 else {}))


@family(low=13)
def space_to_depth(n, rng):
    b = int(rng.integers(2, 4))
    c, h, w = n.picture
    x = n.op("Resize", "picture", "", n.constant(np.array([1, 1, b, b], np.float32)), mode="nearest",
             coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    return n.op("SpaceToDepth", n.op("Mul", x, n.weight(c, h * b, w * b)), blocksize=b)


@family()
def tile(n, rng):
    times = [1, *(int(t) for t in rng.integers(1, 4, 3))]
    y = n.op("Tile", "picture", n.constant(times))
    return n.op("Mul", y, n.weight(*(s * t for s, t in zip(n.picture, times[1:]))))


@family()
def cumulative_sum(n, rng):
    axis = n.constant(np.array(int(rng.integers(1, 4)) - (4 if rng.random() < 0.5 else 0), np.int64 if rng.random() < 0.5 else np.int32))
    return n.op("CumSum", "picture", axis, exclusive=int(rng.integers(2)), reverse=int(rng.integers(2)))


@family(low=14)
def triangle(n, rng):
    k = [n.constant(np.int64(rng.integers(-2, 3)))] if rng.random() < 0.7 else []
    return n.op("Trilu", "picture", *k, **({"upper": int(rng.integers(2))} if rng.random() < 0.7 else {}))


@family(low=12)
def einsum(n, rng):
    c, h, w = n.picture
    x = n.op("Tanh", "picture")
    drawn = [("nchw,nchv->nhwv", [x, "picture"]), ("nchw,ck->nkhw", ["picture", n.weight(c, 3)]), ("nchw->nwc", [x]),
             ("nchw,nchw->nc", [x, "picture"]), ("nchw,kw", [x, n.weight(2, w)]), ("nchw,cd,kw->nkhd", [x, n.weight(c, 2), n.weight(3, w)]),
             ("nchw,nihw,hw -> nci", [x, "picture", n.weight(h, w)])]
    equation, inputs = drawn[rng.integers(len(drawn))]
    # What is not said comes in the alphabet's order, and the batch must come first.
    y = n.op("Einsum", *inputs, equation=equation)
    return n.op("Transpose", y, perm=[3, 0, 1, 2]) if equation == "nchw,kw" else y


@family(low=16)
def gather_nd(n, rng):
    c, h, w = n.picture
    turned = n.op("Transpose", "picture", perm=[1, 2, 0, 3])
    places = rng.integers(0, c, (4, 1)) if rng.random() < 0.5 else np.stack([rng.integers(0, c, (2, 3)), rng.integers(0, h, (2, 3))], -1)
    picked = n.op("GatherND", turned, n.constant(places))
    perm = [2, 0, 1, 3]
    return n.op("Transpose", picked, perm=perm)


@family(low=16)
def strided_view(n, rng):
    """As the newer exporter writes `as_strided`: the whole batch as one list, looked up at places that are counted from its size."""
    c = n.picture[0]
    flat = n.op("Reshape", n.op("GlobalAveragePool", "picture"), n.constant([-1]))
    batch = n.op("Gather", n.op("Shape", "picture", tap=False), n.constant(np.int64(0)), axis=0, tap=False)
    count = n.op("Range", n.constant(np.int64(0)), batch, n.constant(np.int64(1)), tap=False)
    first = n.op("Unsqueeze", n.op("Mul", count, n.constant(np.int64(c)), tap=False), n.constant([1]), tap=False)
    channels = np.arange(c) if rng.random() < 0.5 else rng.integers(0, c, c)
    picked = n.op("Gather", flat, n.op("Add", first, n.constant(channels), tap=False), axis=0)
    return n.op("Mul", "picture", n.op("Unsqueeze", picked, n.constant([2, 3])))
