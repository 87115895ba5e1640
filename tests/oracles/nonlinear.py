"""Max-pools and local response normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tape import Rule
from .windows import Windows


@dataclass(frozen=True)
class MaxPool:
    """The largest value of each window; backwards a signal goes to the switch, the first place that holds it.

    Where windows overlap, signals at one place add up.
    """

    windows: Windows

    def forward(self, x: np.ndarray) -> np.ndarray:
        lengths = x.shape[1:-1]
        padded = self.windows.padded(x, -np.inf)
        y = np.zeros((len(x), *self.windows.counts(lengths), x.shape[-1]))
        for place, window in self.windows.over(lengths):
            y[place] = padded[window].max(axis=tuple(range(1, x.ndim - 1)))
        return y

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        lengths = x.shape[1:-1]
        padded = self.windows.padded(x, -np.inf)
        unpooled = np.zeros_like(padded)
        for place, window in self.windows.over(lengths):
            values = padded[window].reshape(len(x), -1, x.shape[-1])
            for image, channel in np.ndindex(signal[place].shape):
                switch = np.unravel_index(np.argmax(values[image, :, channel]), self.windows.size)
                unpooled[window][(image, *switch, channel)] += signal[place][image, channel]
        return self.windows.cropped(unpooled, lengths)


@dataclass(frozen=True)
class LocalResponseNormalization:
    """x / (bias + alpha * sum of squares over neighbouring channels) ** beta; no part of a deconvnet's way down."""

    radius: int = 2
    bias: float = 1.0
    alpha: float = 1.0
    beta: float = 0.5

    def _base(self, x: np.ndarray) -> np.ndarray:
        channels = x.shape[-1]
        near = [slice(max(at - self.radius, 0), at + self.radius + 1) for at in range(channels)]
        return self.bias + self.alpha * np.stack([(x[..., each] ** 2).sum(-1) for each in near], axis=-1)

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x * self._base(x) ** -self.beta

    def backward(self, signal: np.ndarray, rule: Rule, x: np.ndarray) -> np.ndarray:
        if rule == "deconvnet":
            return signal
        base = self._base(x)
        result = signal * base**-self.beta
        for above in range(x.shape[-1]):
            for below in range(x.shape[-1]):
                if abs(above - below) <= self.radius:
                    falling = -2 * self.alpha * self.beta * x[..., above] * base[..., above] ** (-self.beta - 1)
                    result[..., below] += signal[..., above] * falling * x[..., below]
        return result
