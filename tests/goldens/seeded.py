"""Weights that anyone can make again: the twin of crates/camtui-core/src/seeded.rs, bit for bit.

Needs from PyPI: numpy; torch for `load`.

Each tensor has a stream of its own: splitmix64 started at the FNV-1a hash of its name, exclusive-or the seed. A draw's
upper 24 bits are a float32 in 0..1, exactly.
"""

import math

import numpy as np

MASK = (1 << 64) - 1


def uniform(name, shape, seed, low, high):
    """Uniform float32 numbers in low..high, row-major, from the stream of `name`."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    state ^= seed
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit = (z >> np.uint64(40)).astype(np.float32) / np.float32(16777216)
    low, high = np.float32(low), np.float32(high)
    return (low + (high - low) * unit).astype(np.float32).reshape(shape)


def weight(name, shape, seed):
    """The tensor that a checkpoint calls `name`, in the range that fits its part in the network."""
    last = name.rsplit(".", 1)[-1]
    if len(shape) == 4:
        bound = math.sqrt(6.0 / math.prod(shape[1:]))
        low, high = -bound, bound
    elif len(shape) == 2:
        bound = math.sqrt(3.0 / shape[1])
        low, high = -bound, bound
    elif last == "running_var":
        low, high = (0.75, 2.0) if name.startswith("_") else (1.0, 3.0)
    elif last == "weight":
        low, high = 0.5, 1.5
    else:
        low, high = -0.25, 0.25
    return uniform(name, shape, seed, low, high)


def load(model, seed):
    """Gives a PyTorch model its seeded weights, in place."""
    import torch

    state = model.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = torch.from_numpy(weight(name, tuple(tensor.shape), seed)).to(tensor.dtype)
    model.load_state_dict(state)
    return model.eval()
