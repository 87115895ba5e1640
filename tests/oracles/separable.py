"""Ops that are one matrix for each spatial axis: padding and resizing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .tape import Rule


class _Separable:
    def matrix(self, axis: int, length: int) -> np.ndarray:
        """What happens along one axis, (length after, length before)."""
        raise NotImplementedError

    def forward(self, x: np.ndarray) -> np.ndarray:
        for axis, length in enumerate(x.shape[1:-1]):
            x = _along(self.matrix(axis, length), x, axis + 1)
        return x

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        for axis, length in enumerate(x.shape[1:-1]):
            signal = _along(self.matrix(axis, length).T, signal, axis + 1)
        return signal


def _along(matrix: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(np.tensordot(matrix, x, axes=(1, axis)), 0, axis)


@dataclass(frozen=True)
class Pad(_Separable):
    """Margins (before, after) of each axis: zeros, or with ``mode`` 'reflect' the image mirrored at its border."""

    margins: tuple[tuple[int, int], ...]
    mode: str = "constant"

    def matrix(self, axis: int, length: int) -> np.ndarray:
        before, after = self.margins[axis]
        result = np.zeros((before + length + after, length))
        for row in range(len(result)):
            at = row - before
            if self.mode == "reflect":
                at = abs(at) if at < length else 2 * (length - 1) - at
            if 0 <= at < length:
                result[row, at] = 1
        return result


@dataclass(frozen=True)
class Resize(_Separable):
    """To new ``lengths``, 'nearest' or 'bilinear', pixels being squares whose centres lie at one half."""

    lengths: tuple[int, ...]
    method: str = "nearest"

    def matrix(self, axis: int, length: int) -> np.ndarray:
        result = np.zeros((self.lengths[axis], length))
        for row in range(len(result)):
            centre = (row + 0.5) * length / len(result)
            if self.method == "nearest":
                result[row, min(math.floor(centre), length - 1)] = 1
            else:
                left, share = math.floor(centre - 0.5), (centre - 0.5) % 1
                result[row, max(left, 0)] += 1 - share
                result[row, min(left + 1, length - 1)] += share
        return result
