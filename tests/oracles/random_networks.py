"""Random small networks, for Hypothesis to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from . import (
    RECTIFIED,
    Activation,
    Add,
    Affine,
    AveragePool,
    Chain,
    Concat,
    Convolution,
    Dense,
    Depthwise,
    GlobalAverage,
    MaxPool,
    Multiply,
    Op,
    Pad,
    Reshape,
    Resize,
    Towers,
    Windows,
)
from .in_tensorflow import ACTIVATIONS

Shape = tuple[int, int, int]
Draw = Callable[[st.SearchStrategy], object]


@dataclass(frozen=True)
class Case:
    """A network, images for it, whether its graph keeps channels first, and a seed to project."""

    twin: Chain
    x: np.ndarray
    channels_first: bool
    seed: str | tuple[int, ...]


@dataclass(frozen=True)
class _Builder:
    """Draws ops for maps of a shape.

    With ``exact`` all numbers are small multiples of a quarter, so that sums come out the same in any order and
    values that are equal stay equal: max-pools and switches can be compared at ties. Without it numbers are any,
    and a max-pool stands only where ties cannot be.
    """

    draw: Draw
    exact: bool
    rng: np.random.Generator

    def numbers(self, *shape: int) -> np.ndarray:
        return self.rng.integers(-4, 5, shape) / 4 if self.exact else self.rng.normal(size=shape)

    def windows(self, shape: Shape, margins: bool = False) -> Windows:
        size = tuple(self.draw(st.integers(1, min(3, length))) for length in shape[:2])
        strides = tuple(self.draw(st.integers(1, 2)) for _ in size)
        kinds = ["VALID", "SAME"]
        if margins:
            kinds.append(tuple((self.draw(st.integers(0, 1)), self.draw(st.integers(0, 2))) for _ in size))
        return Windows(size, strides, self.draw(st.sampled_from(kinds)))

    def convolution(self, shape: Shape) -> Op:
        windows = self.windows(shape, margins=True)
        kernel = self.numbers(*windows.size, shape[-1], self.draw(st.integers(1, 3)))
        return Chain((Convolution(kernel, windows), Affine(1.0, self.numbers(kernel.shape[-1]))))

    def depthwise(self, shape: Shape) -> Op:
        windows = self.windows(shape)
        strides = (windows.steps[0],) * 2  # the op takes no others
        windows = Windows(windows.size, strides, windows.padding)
        return Depthwise(self.numbers(*windows.size, shape[-1], self.draw(st.integers(1, 2))), windows)

    def max_pool(self, shape: Shape) -> Op:
        return MaxPool(self.windows(shape))

    def average_pool(self, shape: Shape) -> Op:
        if self.exact:
            return AveragePool(Windows(tuple(min(2, length) for length in shape[:2])))
        return AveragePool(self.windows(shape))

    def activation(self, shape: Shape) -> Op:
        names = ["relu", "relu6", "leaky_relu"] if self.exact else [*RECTIFIED, *ACTIVATIONS]
        name = self.draw(st.sampled_from(names))
        if name == "prelu":
            return Chain((self.affine(shape), Activation(name, np.abs(self.numbers(shape[-1])))))
        return Activation(name, 0.25)

    def rectifier(self, shape: Shape) -> Op:
        return Activation(self.draw(st.sampled_from(["relu", "relu6"])))

    def affine(self, shape: Shape) -> Op:
        return Affine(self.numbers(shape[-1]), self.numbers(shape[-1]))

    def pad(self, shape: Shape) -> Op:
        mode = self.draw(st.sampled_from(["constant", "reflect"]))
        most = [2 if mode == "constant" else min(2, length - 1) for length in shape[:2]]
        return Pad(tuple((self.draw(st.integers(0, each)), self.draw(st.integers(0, each))) for each in most), mode)

    def nearest(self, shape: Shape) -> Op:
        return Resize((shape[0] * 2, shape[1] * 2))

    def residual(self, shape: Shape) -> Op:
        kernel = self.numbers(3, 3, shape[-1], shape[-1])
        branch = Chain((self.activation(shape), Convolution(kernel, Windows((3, 3), (), "SAME"))))
        return Add((branch, self.draw(st.sampled_from([Chain(), self.activation(shape)]))))

    def concat(self, shape: Shape) -> Op:
        return Concat((self.activation(shape), self.affine(shape), Chain()))

    def towers(self, shape: Shape) -> Op:
        count = next(each for each in (2, 3, 1) if shape[-1] % each == 0)
        part = (*shape[:2], shape[-1] // count)
        return Towers(tuple(Chain((self.affine(part), self.activation(part))) for _ in range(count)))

    def gate(self, shape: Shape) -> Op:
        weights = Affine(self.numbers(shape[-1]), self.numbers(shape[-1]))
        return Multiply(Chain(), Chain((GlobalAverage(kept=True), weights, Activation("sigmoid"))))

    def head(self, shape: Shape) -> Op:
        flat = int(np.prod(shape))
        hidden = Chain((Reshape((flat,)), Dense(self.numbers(flat, 4)), Activation("relu")))
        return Chain((hidden, Dense(self.numbers(4, 3))))


_BLOCKS = ("convolution", "depthwise", "activation", "rectifier", "affine", "pad", "average_pool", "residual", "concat")
_EXACT = (*_BLOCKS, "towers", "max_pool", "max_pool", "nearest")
_ANY = (*_BLOCKS, "towers", "gate")
_CHANNELS_LAST = {"nearest"}  # ops that TensorFlow has in no other layout
_LARGEST = 12  # maps and channels grow no further


@st.composite
def cases(draw: Draw, exact: bool) -> Case:
    """Networks of three to eight blocks, from a convolution and its activation function to a convolution or matrix."""
    builder = _Builder(draw, exact, np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    shape = (draw(st.integers(4, 8)), draw(st.integers(4, 8)), draw(st.integers(1, 3)))
    first = draw(st.booleans())
    x = builder.numbers(draw(st.integers(1, 2)), *shape)
    names = [name for name in (_EXACT if exact else _ANY) if not (first and name in _CHANNELS_LAST)]
    ops = [builder.convolution(shape)]
    if not exact and draw(st.booleans()):
        ops.append(builder.max_pool(_after(ops, shape)))
    ops.append(builder.rectifier(_after(ops, shape)))
    for name in draw(st.lists(st.sampled_from(names), max_size=4)):
        if max(_after(ops, shape)) <= _LARGEST:
            ops.append(getattr(builder, name)(_after(ops, shape)))
    dense = not first and draw(st.integers(0, 3)) == 0
    ops.append((builder.head if dense else builder.convolution)(_after(ops, shape)))
    places = _after(ops, shape)[:-1]
    unit = tuple(draw(st.integers(0, length - 1)) for length in places)
    seed = draw(st.sampled_from(["strongest", "map", "ones", *([unit] if unit else [])]))
    return Case(Chain(tuple(ops)), x, first, seed)


def _after(ops: list[Op], shape: Shape) -> tuple[int, ...]:
    """The shape of what ``ops`` give."""
    return Chain(tuple(ops)).forward(np.zeros((1, *shape))).shape[1:]
