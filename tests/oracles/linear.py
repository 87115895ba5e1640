"""Ops whose way back is their transpose, whatever the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .tape import Rule
from .windows import Windows


@dataclass(frozen=True, eq=False)
class Convolution:
    """Cross-correlation; ``kernel`` is (*size, input channels / groups, output channels)."""

    kernel: np.ndarray
    windows: Windows
    groups: int = 1

    def forward(self, x: np.ndarray) -> np.ndarray:
        lengths = x.shape[1:-1]
        padded = self.windows.padded(x)
        y = np.zeros((len(x), *self.windows.counts(lengths), self.kernel.shape[-1]))
        for place, window in self.windows.over(lengths):
            for taken, given in self._channels():
                kernel = self.kernel[..., given]
                y[place][:, given] = np.tensordot(padded[window][..., taken], kernel, axes=kernel.ndim - 1)
        return y

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        lengths = x.shape[1:-1]
        padded = np.zeros_like(self.windows.padded(x))
        for place, window in self.windows.over(lengths):
            for taken, given in self._channels():
                sent = np.tensordot(signal[place][:, given], self.kernel[..., given], axes=(1, -1))
                padded[window][..., taken] += sent
        return self.windows.cropped(padded, lengths)

    def _channels(self) -> Iterator[tuple[slice, slice]]:
        """The input and output channels of each group."""
        taken, given = self.kernel.shape[-2], self.kernel.shape[-1] // self.groups
        for group in range(self.groups):
            yield slice(group * taken, (group + 1) * taken), slice(group * given, (group + 1) * given)


@dataclass(frozen=True, eq=False)
class TransposedConvolution:
    """The transpose of ``convolution`` (whose input channels are this op's output's), giving maps of ``lengths``."""

    convolution: Convolution
    lengths: tuple[int, ...]

    def forward(self, x: np.ndarray) -> np.ndarray:
        like = np.zeros((len(x), *self.lengths, self.convolution.kernel.shape[-2]))
        return self.convolution.backward(x, "gradient", like)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        return self.convolution.forward(signal)


@dataclass(frozen=True, eq=False)
class Depthwise:
    """Every channel by itself; ``kernel`` is (*size, channels, multiplier); output channel c * multiplier + m."""

    kernel: np.ndarray
    windows: Windows

    def forward(self, x: np.ndarray) -> np.ndarray:
        lengths = x.shape[1:-1]
        padded = self.windows.padded(x)
        y = np.zeros((len(x), *self.windows.counts(lengths), *self.kernel.shape[-2:]))
        for place, window in self.windows.over(lengths):
            within = tuple(range(1, x.ndim - 1))
            y[place] = (padded[window][..., None] * self.kernel).sum(axis=within)
        return y.reshape(*y.shape[:-2], -1)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        lengths = x.shape[1:-1]
        padded = np.zeros_like(self.windows.padded(x))
        for place, window in self.windows.over(lengths):
            share = signal[place].reshape(len(x), *(1,) * len(lengths), *self.kernel.shape[-2:])
            padded[window] += (share * self.kernel).sum(axis=-1)
        return self.windows.cropped(padded, lengths)


@dataclass(frozen=True)
class AveragePool:
    """The mean of what lies in the window; the margin counts neither in the sum nor in the number."""

    windows: Windows

    def forward(self, x: np.ndarray) -> np.ndarray:
        lengths = x.shape[1:-1]
        padded, present = self.windows.padded(x), self.windows.padded(np.ones_like(x))
        within = tuple(range(1, x.ndim - 1))
        y = np.zeros((len(x), *self.windows.counts(lengths), x.shape[-1]))
        for place, window in self.windows.over(lengths):
            y[place] = padded[window].sum(axis=within) / present[window].sum(axis=within)
        return y

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        lengths = x.shape[1:-1]
        present = self.windows.padded(np.ones_like(x))
        within = tuple(range(1, x.ndim - 1))
        padded = np.zeros_like(present)
        for place, window in self.windows.over(lengths):
            share = signal[place] / present[window].sum(axis=within)
            padded[window] += np.expand_dims(share, within)
        return self.windows.cropped(padded, lengths)


@dataclass(frozen=True)
class GlobalAverage:
    """The mean of every map: (images, channels), or with axes of length one if ``kept``."""

    kept: bool = False

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x.mean(axis=tuple(range(1, x.ndim - 1)), keepdims=self.kept)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        share = signal.reshape(len(x), *(1,) * (x.ndim - 2), x.shape[-1])
        return np.broadcast_to(share / np.prod(x.shape[1:-1]), x.shape)


@dataclass(frozen=True, eq=False)
class Dense:
    """A matrix product; ``weights`` is (inputs, outputs)."""

    weights: np.ndarray

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weights

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        return signal @ self.weights.T


@dataclass(frozen=True, eq=False)
class Affine:
    """x * scale + shift, per channel or for all: biases, preprocessing, folded normalisation."""

    scale: np.ndarray | float = 1.0
    shift: np.ndarray | float = 0.0

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x * self.scale + self.shift

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        return signal * self.scale


@dataclass(frozen=True, eq=False)
class BatchNormalization:
    """With the statistics of training: (x - mean) / sqrt(variance + epsilon) * gamma + beta."""

    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float = 1e-3

    def forward(self, x: np.ndarray) -> np.ndarray:
        return (x - self.mean) / np.sqrt(self.variance + self.epsilon) * self.gamma + self.beta

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        return signal / np.sqrt(self.variance + self.epsilon) * self.gamma


@dataclass(frozen=True)
class Reshape:
    """The values of each image in another shape, in the same order, after an optional permutation of axes."""

    shape: tuple[int, ...]
    order: tuple[int, ...] = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        ordered = x.transpose(0, *self.order) if self.order else x
        return ordered.reshape(len(x), *self.shape)

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        if not self.order:
            return signal.reshape(x.shape)
        order = (0, *self.order)
        return signal.reshape([x.shape[axis] for axis in order]).transpose(np.argsort(order))
