"""Windows of convolutions and pools along each axis, and what a unit sees through them: exact integer arithmetic.

The units of a layer at place u see the rows ``u * stride + start`` up to ``+ size`` of any map below it, and the
same of the columns. Going down through a window op of kernel k, stride s, dilation d and padding p in front,
that is: stride * s, start * s - p, and (size - 1) * s + (k - 1) * d + 1. It may reach over the border, into the
padding.

References:
    [1] A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural Networks",
        Distill, 2019, DOI 10.23915/distill.00021.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Axis:
    """The geometry of a window op along one axis; ``after`` is the padding behind."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def reach(self) -> int:
        """From the first to the last element that the kernel touches, both counted."""
        return (self.kernel - 1) * self.dilation + 1


@dataclass(frozen=True)
class ReceptiveField:
    """What units of a layer see of a map: along each axis, ``size`` elements from ``u * stride + start`` on.

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
        """The unit itself."""
        return cls((1,) * axes, (0,) * axes, (1,) * axes)

    def below(self, axes: tuple[Axis, ...]) -> ReceptiveField:
        """What they see below a window op."""
        return ReceptiveField(
            tuple(own * axis.stride for own, axis in zip(self.stride, axes, strict=True)),
            tuple(own * axis.stride - axis.before for own, axis in zip(self.start, axes, strict=True)),
            tuple((own - 1) * axis.stride + axis.reach for own, axis in zip(self.size, axes, strict=True)),
        )

    def joined(self, other: ReceptiveField) -> ReceptiveField:
        """What is seen over two ways; their strides are equal, or the two ways could not have met."""
        start = tuple(map(min, self.start, other.start))
        ends = (max(a + n, b + m) for a, n, b, m in zip(self.start, self.size, other.start, other.size, strict=True))
        return ReceptiveField(self.stride, start, tuple(end - first for end, first in zip(ends, start, strict=True)))

    def window(self, unit: tuple[int, ...]) -> tuple[slice, ...]:
        """The rows and columns that a unit sees; they may begin below 0 and end behind the border."""
        begins = [place * stride + start for place, stride, start in zip(unit, self.stride, self.start, strict=True)]
        return tuple(slice(begin, begin + size) for begin, size in zip(begins, self.size, strict=True))

    def units_seeing(self, place: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[slice, ...]:
        """The units of a map of these sizes whose windows hold a place: the inverse of ``window``."""
        axes = zip(place, sizes, self.stride, self.start, self.size, strict=True)
        return tuple(
            slice(max(0, -((start + size - 1 - at) // stride)), max(0, min(length, (at - start) // stride + 1)))
            for at, length, stride, start, size in axes
        )


def axes_of(op: tf.Operation, kernel: tuple[int, ...], lengths: tuple[int | None, ...]) -> tuple[Axis, ...] | None:
    """The geometry of a channels-last window op on a map of these lengths, or ``None`` where it is not known."""
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
    """Whether an op has its channels last, or does not care."""
    return "data_format" not in op.node_def.attr or not op.get_attr("data_format").decode().startswith("NC")
