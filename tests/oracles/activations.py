"""Activation functions, and what the rules make of those that rectify."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .tape import Rule

RECTIFIED = ("relu", "relu6", "leaky_relu", "prelu")
_RECTIFYING = {*RECTIFIED, "clipped_relu", "clipped_leaky_relu"}
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
_erf = np.vectorize(math.erf, otypes=[float])


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _normal(x: np.ndarray) -> np.ndarray:
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _bent(x: np.ndarray) -> np.ndarray:
    return np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def _bent_slope(x: np.ndarray) -> np.ndarray:
    return (1 - _bent(x) ** 2) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)


_Function = Callable[[np.ndarray, np.ndarray | float], np.ndarray]
_FUNCTIONS: dict[str, tuple[_Function, _Function]] = {  # value and derivative
    "relu": (lambda x, a: np.maximum(x, 0), lambda x, a: x > 0),
    "relu6": (lambda x, a: np.clip(x, 0, 6), lambda x, a: (x > 0) & (x < 6)),
    "leaky_relu": (lambda x, a: np.where(x > 0, x, a * x), lambda x, a: np.where(x > 0, 1, a)),
    "prelu": (lambda x, a: np.where(x > 0, x, a * x), lambda x, a: np.where(x > 0, 1, a)),
    "elu": (lambda x, a: np.where(x > 0, x, np.expm1(x)), lambda x, a: np.where(x > 0, 1, np.exp(x))),
    "selu": (
        lambda x, a: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(x)),
        # at the kink the slope from the right, as TensorFlow has it: a deconvnet's signal passes zeros of a ReLU below
        lambda x, a: _SELU_SCALE * np.where(x >= 0, 1, _SELU_ALPHA * np.exp(x)),
    ),
    "silu": (lambda x, a: x * _logistic(x), lambda x, a: _logistic(x) * (1 + x * (1 - _logistic(x)))),
    "gelu": (
        lambda x, a: x * (1 + _erf(x / math.sqrt(2))) / 2,
        lambda x, a: (1 + _erf(x / math.sqrt(2))) / 2 + x * _normal(x),
    ),
    "gelu_tanh": (lambda x, a: x * (1 + _bent(x)) / 2, lambda x, a: (1 + _bent(x) + x * _bent_slope(x)) / 2),
    "hard_swish": (
        lambda x, a: x * np.clip(x + 3, 0, 6) / 6,
        lambda x, a: np.select([x <= -3, x >= 3], [0.0, 1.0], (2 * x + 3) / 6),
    ),
    "hard_sigmoid": (lambda x, a: np.clip(x / 6 + 0.5, 0, 1), lambda x, a: (abs(x) < 3) / 6),
    "clipped_relu": (lambda x, a: np.clip(x, 0, a), lambda x, a: (x > 0) & (x < a)),
    "clipped_leaky_relu": (  # with a slope of 0.1
        lambda x, a: np.minimum(np.where(x > 0, x, 0.1 * x), a),
        lambda x, a: np.select([x <= 0, x >= a], [0.1, 0.0], 1.0),
    ),
    "thresholded_relu": (lambda x, a: np.where(x > a, x, 0), lambda x, a: x > a),
    "celu": (
        lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0) / a)),
        lambda x, a: np.where(x > 0, 1, np.exp(np.minimum(x, 0) / a)),
    ),
    "squareplus": (lambda x, a: (x + np.sqrt(x**2 + a)) / 2, lambda x, a: (1 + x / np.sqrt(x**2 + a)) / 2),
    "sigmoid": (lambda x, a: _logistic(x), lambda x, a: _logistic(x) * _logistic(-x)),
    "tanh": (lambda x, a: np.tanh(x), lambda x, a: 1 - np.tanh(x) ** 2),
    "softplus": (lambda x, a: np.log1p(np.exp(x)), lambda x, a: _logistic(x)),
}


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of each value; ``slope`` is what leaky and parametric ReLUs do below zero.

    It is the ceiling of a clipped ReLU, the threshold of a thresholded one, and the constant of CELU and squareplus.

    Backwards, a deconvnet rectifies the signal wherever the function rectifies, whatever came in on the way up;
    'guided' also asks that the input was positive; what does not rectify keeps its derivative.
    """

    name: str
    slope: np.ndarray | float = 0.0

    def forward(self, x: np.ndarray) -> np.ndarray:
        return _FUNCTIONS[self.name][0](x, self.slope)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        if rule == "gradient" or self.name not in _RECTIFYING:
            return signal * _FUNCTIONS[self.name][1](x, self.slope)
        rectified = np.maximum(signal, 0)
        return rectified if rule == "deconvnet" else rectified * (x > 0)
