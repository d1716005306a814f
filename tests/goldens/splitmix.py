"""The twin of crates/camtui-plugin/src/random.rs: the random numbers of explainers that draw lots, many at a time.

Needs from PyPI: numpy, torch.
"""

import math

import numpy as np
import torch


class Random:
    """splitmix64 from a seed; draws come in the order in which an explainer takes them."""

    def __init__(self, seed):
        self.state = np.uint64(seed)

    def bits(self, count):
        step = np.uint64(0x9E3779B97F4A7C15)
        with np.errstate(over="ignore"):
            z = self.state + np.arange(1, count + 1, dtype=np.uint64) * step
            self.state = self.state + np.uint64(count) * step
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return z ^ (z >> np.uint64(31))

    def units(self, count):
        """Uniform in 0..1."""
        return (self.bits(count) >> np.uint64(11)).astype(np.float64) / (1 << 53)

    def unit(self):
        return float(self.units(1)[0])

    def below(self, end):
        """A whole number below `end`."""
        return int(self.bits(1)[0]) * end >> 64

    def normals(self, *shape):
        """Standard normal, two draws each, as a tensor in double precision."""
        pairs = self.units(2 * math.prod(shape)).reshape(-1, 2)
        values = np.sqrt(-2 * np.log(1 - pairs[:, 0])) * np.cos(math.tau * pairs[:, 1])
        return torch.from_numpy(values).reshape(shape)
