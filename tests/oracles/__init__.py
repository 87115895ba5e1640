"""Slow twins of the ops, in plain NumPy and float64, written from the papers: what the engine is compared with.

Everything takes and gives (images, spatial axes ..., channels). An op is a frozen dataclass with ``forward(x)`` and
``backward(signal, rule, x)``: the signal that leaves its input when ``signal`` enters its output, where ``x`` is
what the op was given on the way up.
"""

from .activations import RECTIFIED, Activation
from .linear import (
    Affine,
    AveragePool,
    BatchNormalization,
    Convolution,
    Dense,
    Depthwise,
    GlobalAverage,
    Reshape,
    TransposedConvolution,
)
from .nonlinear import LocalResponseNormalization, MaxPool
from .separable import Pad, Resize
from .tape import RULES, Add, Chain, Concat, Multiply, Op, Rule, Towers, project
from .windows import Windows

__all__ = [
    "RECTIFIED",
    "RULES",
    "Activation",
    "Add",
    "Affine",
    "AveragePool",
    "BatchNormalization",
    "Chain",
    "Concat",
    "Convolution",
    "Dense",
    "Depthwise",
    "GlobalAverage",
    "LocalResponseNormalization",
    "MaxPool",
    "Multiply",
    "Op",
    "Pad",
    "Reshape",
    "Resize",
    "Rule",
    "Towers",
    "TransposedConvolution",
    "Windows",
    "project",
]
