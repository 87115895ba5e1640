"""Ops put together: chains, branches, and the projection of one layer to the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

Rule = Literal["deconvnet", "guided", "gradient"]
RULES: tuple[Rule, ...] = ("deconvnet", "guided", "gradient")


class Op(Protocol):
    """One layer of a twin."""

    def forward(self, x: np.ndarray) -> np.ndarray: ...

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Chain:
    """Ops one after another; none at all is the identity."""

    ops: tuple[Op, ...] = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        for op in self.ops:
            x = op.forward(x)
        return x

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        tape = []
        for op in self.ops:
            tape.append((op, x))
            x = op.forward(x)
        for op, entered in reversed(tape):
            signal = op.backward(signal, rule, entered)
        return signal


@dataclass(frozen=True)
class Add:
    """The sum of branches that all start at the same value."""

    branches: tuple[Op, ...]

    def forward(self, x: np.ndarray) -> np.ndarray:
        return sum(branch.forward(x) for branch in self.branches)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        return sum(branch.backward(signal, rule, x) for branch in self.branches)


@dataclass(frozen=True)
class Multiply:
    """The product of two branches, as in squeeze and excitation."""

    left: Op
    right: Op

    def forward(self, x: np.ndarray) -> np.ndarray:
        return self.left.forward(x) * self.right.forward(x)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        to_left = _summed_to(signal * self.right.forward(x), self.left.forward(x).shape)
        to_right = _summed_to(signal * self.left.forward(x), self.right.forward(x).shape)
        return self.left.backward(to_left, rule, x) + self.right.backward(to_right, rule, x)


def _summed_to(signal: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The adjoint of broadcasting."""
    axes = tuple(axis for axis, size in enumerate(shape) if size == 1 and signal.shape[axis] > 1)
    return signal.sum(axis=axes, keepdims=True)


@dataclass(frozen=True)
class Concat:
    """The channels of branches that all start at the same value, one behind another."""

    branches: tuple[Op, ...]

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.concatenate([branch.forward(x) for branch in self.branches], axis=-1)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        total, start = np.zeros_like(x), 0
        for branch in self.branches:
            end = start + branch.forward(x).shape[-1]
            total += branch.backward(signal[..., start:end], rule, x)
            start = end
        return total


@dataclass(frozen=True)
class Towers:
    """The channels split in equal parts, each through a branch of its own, put together again."""

    branches: tuple[Op, ...]

    def forward(self, x: np.ndarray) -> np.ndarray:
        parts = np.split(x, len(self.branches), axis=-1)
        return np.concatenate([op.forward(part) for op, part in zip(self.branches, parts, strict=True)], axis=-1)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        parts, results, start = np.split(x, len(self.branches), axis=-1), [], 0
        for op, part in zip(self.branches, parts, strict=True):
            end = start + op.forward(part).shape[-1]
            results.append(op.backward(signal[..., start:end], rule, part))
            start = end
        return np.concatenate(results, axis=-1)


def project(network: Op, x: np.ndarray, rule: Rule, seed: str | np.ndarray | tuple[int, ...]) -> np.ndarray:
    """Every channel of every image back to the input, one at a time.

    Args:
        network: from the input to the layer.
        x: the images (images, ..., channels).
        rule: how signals go backwards.
        seed: 'map', 'ones', 'strongest' (the first of the largest values), a place for all maps, or the places
            of each map (images, channels, spatial axes).

    Returns:
        (images, channels, ..., input channels).
    """
    x = np.asarray(x, np.float64)
    values = network.forward(x).astype(np.float32).astype(np.float64)  # a seed has the precision of feature maps
    result = np.zeros((len(x), values.shape[-1], *x.shape[1:]))
    for image, channel in np.ndindex(result.shape[:2]):
        of_map = (0, ..., channel)
        alone, value = x[image : image + 1], values[image : image + 1]
        signal = np.zeros_like(value)
        if isinstance(seed, str) and seed in ("map", "ones"):
            signal[of_map] = value[of_map] if seed == "map" else 1
        else:
            place = _place(seed, value[of_map], image, channel)
            signal[(0, *place, channel)] = value[(0, *place, channel)]
        result[image, channel] = network.backward(signal, rule, alone)[0]
    return result


def _place(
    seed: str | np.ndarray | tuple[int, ...], feature_map: np.ndarray, image: int, channel: int
) -> tuple[int, ...]:
    if isinstance(seed, str):
        return tuple(np.unravel_index(np.argmax(feature_map), feature_map.shape))
    return tuple(seed[image, channel]) if isinstance(seed, np.ndarray) else seed
