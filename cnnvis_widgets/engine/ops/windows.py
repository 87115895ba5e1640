"""Windows of convolutions and pools along each axis, and receptive fields, in exact integer arithmetic.

The unit at place u of a layer sees the rows from ``u * stride + start`` up to ``+ size`` of every map below, and the
same of the columns. A window op of kernel k, stride s, dilation d and padding p in front turns these three into
stride * s, start * s - p, and (size - 1) * s + (k - 1) * d + 1. A receptive field may reach over the border into
the padding.

References:
    [1] A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural Networks",
        Distill, 2019, DOI 10.23915/distill.00021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from ...arguments import checked


class NotSupported(Exception):  # noqa: N818  (users never see it: a slower strategy takes over)
    """The engine's own backward pass cannot handle this part of a network; its message says why.

    The caller takes the next, slower strategy. Users see this exception never.
    """


@dataclass(frozen=True)
class Axis:
    """The window of an op along one axis; ``before`` and ``after`` are the padding at both ends, in elements."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def reach(self) -> int:
        """The distance from the first to the last element that the kernel touches, both counted."""
        return (self.kernel - 1) * self.dilation + 1


@checked
@dataclass(frozen=True)
class ReceptiveField:
    """The part of a map that a unit sees: along each axis, ``size`` elements from ``u * stride + start`` on.

    Example:
        >>> from cnnvis_widgets import ReceptiveField
        >>> field = ReceptiveField(stride=(2, 2), start=(-1, -1), size=(3, 3))
        >>> field.window((0, 5))
        (slice(-1, 2, None), slice(9, 12, None))
    """

    stride: tuple[int, ...]
    start: tuple[int, ...]
    size: tuple[int, ...]

    @classmethod
    def unit(cls, axes: int) -> ReceptiveField:
        """The field of a unit on its own map of that many axes: the unit itself."""
        return cls((1,) * axes, (0,) * axes, (1,) * axes)

    def below(self, axes: tuple[Axis, ...]) -> ReceptiveField:
        """The field of the same units one window op further down."""
        return ReceptiveField(
            tuple(own * axis.stride for own, axis in zip(self.stride, axes, strict=True)),
            tuple(own * axis.stride - axis.before for own, axis in zip(self.start, axes, strict=True)),
            tuple((own - 1) * axis.stride + axis.reach for own, axis in zip(self.size, axes, strict=True)),
        )

    def joined(self, other: ReceptiveField) -> ReceptiveField:
        """The smallest field that holds both. Their strides are equal, or the two paths could not meet."""
        start = tuple(map(min, self.start, other.start))
        ends = (max(a + n, b + m) for a, n, b, m in zip(self.start, self.size, other.start, other.size, strict=True))
        return ReceptiveField(self.stride, start, tuple(end - first for end, first in zip(ends, start, strict=True)))

    def window(self, unit: tuple[int, ...]) -> tuple[slice, ...]:
        """The rows and columns that a unit sees. They may begin below 0 and end behind the border."""
        begins = [place * stride + start for place, stride, start in zip(unit, self.stride, self.start, strict=True)]
        return tuple(slice(begin, begin + size) for begin, size in zip(begins, self.size, strict=True))

    def units_seeing(self, place: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[slice, ...]:
        """The units whose windows hold a place, on a map of these sizes: the inverse of ``window``."""
        axes = zip(place, sizes, self.stride, self.start, self.size, strict=True)
        return tuple(
            slice(max(0, -((start + size - 1 - at) // stride)), max(0, min(length, (at - start) // stride + 1)))
            for at, length, stride, start, size in axes
        )


def axes_of(op: tf.Operation, kernel: tuple[int, ...], lengths: tuple[int | None, ...]) -> tuple[Axis, ...] | None:
    """The windows of an op that has its channels last, on a map of these lengths.

    Returns:
        One ``Axis`` for each spatial axis; ``None`` if the padding depends on a length that is unknown.
    """
    strides = list(op.get_attr("strides"))[1:-1]
    attributes = op.node_def.attr
    dilations = list(op.get_attr("dilations"))[1:-1] if "dilations" in attributes else [1] * len(kernel)
    padding = op.get_attr("padding").decode()
    explicit = list(op.get_attr("explicit_paddings")) if padding == "EXPLICIT" else []
    axes = []
    for index, (size, stride, dilation) in enumerate(zip(kernel, strides, dilations, strict=True)):
        before = after = 0
        if padding == "EXPLICIT":
            before, after = explicit[2 * index + 2 : 2 * index + 4]
        elif padding == "SAME":
            length = lengths[index]
            if length is None:
                return None
            missing = max((-(-length // stride) - 1) * stride + (size - 1) * dilation + 1 - length, 0)
            before, after = missing // 2, missing - missing // 2
        axes.append(Axis(size, stride, dilation, before, after))
    return tuple(axes)


def has_channels_last(op: tf.Operation) -> bool:
    """Whether an op has its channels last, or has no data format."""
    return "data_format" not in op.node_def.attr or not op.get_attr("data_format").decode().startswith("NC")


def geometry(op: tf.Operation, kernel: Sequence[int]) -> tuple[Axis, ...]:
    """The windows of an op whose map has a known size.

    Args:
        op: a convolution or pool; its first input is the map.
        kernel: the size of the window along each spatial axis.

    Raises:
        NotSupported: the op has its channels first, or the size of the map is unknown.
    """
    if not has_channels_last(op):
        raise NotSupported(f"{op.type} with its channels first")
    axes = axes_of(op, tuple(kernel), tuple(op.inputs[0].shape[1:-1]))
    if axes is None or None in op.inputs[0].shape[1:]:
        raise NotSupported(f"{op.type} on a map of unknown size")
    return axes
