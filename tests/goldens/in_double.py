"""Runs ONNX graphs of single precision in PyTorch in double precision, operator by operator.

Used by model_zoo.py: where nothing is left to rounding, an exported gradient is right or wrong. Needs what onnx_in_torch.py
needs.
"""

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

import onnx_in_torch
from runtimes import relative


def in_double(path, given):
    """All values of the f32 graph at `path`, with its weights and all arithmetic in double precision; autograd works."""
    model = onnx.load(path)
    opset = model.opset_import[0].version

    def wide(tensor):
        array = numpy_helper.to_array(tensor)
        return torch.from_numpy(array.astype(np.float64) if array.dtype == np.float32 else array.copy())

    def constant(node):
        (kind, value), = ((a.name, helper.get_attribute_value(a)) for a in node.attribute)
        if kind == "value":
            return wide(value)
        return torch.tensor(value, dtype=torch.float64 if "float" in kind else torch.int64)

    values = {t.name: wide(t) for t in model.graph.initializer} | given
    for node in model.graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = constant(node)
            continue
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        attributes |= dict(opset=opset, outputs=len(node.output), wide=True)
        results = onnx_in_torch.OPERATORS[node.op_type]([values[i] if i else None for i in node.input], attributes)
        for output, y in zip(node.output, results if isinstance(results, tuple) else [results]):
            if y.requires_grad:
                y.retain_grad()
            values[output] = y
    return values


FOLD = "/fold/"


def folded(value, graph, base):
    """`value`, or its gradient, as the exported graph makes a picture of what is called `base`: each element goes to its place."""
    weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer if t.name.startswith(base + FOLD)}
    values = weights | {base: value}
    for node in (n for n in graph.node if n.output[0].startswith(base + FOLD)):
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute} | dict(opset=17, outputs=1, wide=True)
        values[node.output[0]] = onnx_in_torch.OPERATORS[node.op_type]([values[i] if i else None for i in node.input], attributes)
        if node.output[0] == base + FOLD + "grid":
            return values[node.output[0]]


def against_autograd(forward, exported, image, seed):
    """The worst relative error of the exported gradients against autograd through the forward graph, both in double
    precision, at every layer and at the picture; and how many layers there are."""
    image, seed = torch.from_numpy(image).double(), torch.from_numpy(seed).double()
    graph = onnx.load(exported, load_external_data=False).graph
    source = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity"}
    with torch.no_grad():
        found = in_double(exported, {"image": image, "seed": seed})
    model = onnx.load(forward, load_external_data=False)
    picture = image.clone().requires_grad_()
    # A layer's value, but not one that an in-place function may have gone on with.
    values = in_double(forward, {model.graph.input[0].name: picture})
    values[model.graph.output[0].name].backward(seed)
    errors = [relative(found["gradient:image"], picture.grad)]
    for output in graph.output:
        kind, _, layer = output.name.partition(":")
        base, fold, _ = source.get(f"activation:{layer}", "").partition(FOLD)
        value = values.get(base)
        if kind == "gradient" and value is not None and value.grad is not None:
            errors.append(relative(found[output.name], folded(value.grad, graph, base) if fold else value.grad))
    return max(errors), len(errors) - 1
