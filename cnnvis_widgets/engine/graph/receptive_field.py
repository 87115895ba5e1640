"""Which part of a map, and of the image, one unit of a layer can see: exact arithmetic, no sampling.

The units of a layer at place u see the rows ``u * stride + start`` up to ``+ size`` of any map below it, and the
same of the columns. Going down through a window op of kernel k, stride s, dilation d and padding p in front,
that is: stride * s, start * s - p, and (size - 1) * s + (k - 1) * d + 1. It may reach over the border, into the
padding.

References:
    [1] A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural Networks",
        Distill, 2019, DOI 10.23915/distill.00021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
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
    """What units of a layer see of a map: along each axis, ``size`` elements from ``u * stride + start`` on."""

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


_WINDOWS = {"Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool", "Conv3D", "MaxPool3D", "AvgPool3D"}
_POINTWISE = {
    "Abs",
    "Add",
    "AddN",
    "AddV2",
    "BiasAdd",
    "BiasAddV1",
    "Cast",
    "CheckNumerics",
    "ConcatV2",
    "Cos",
    "Elu",
    "Erf",
}
_POINTWISE |= {"Erfc", "Exp", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "Identity", "IdentityN", "LRN"}
_POINTWISE |= {"LeakyRelu", "Log", "Log1p", "Maximum", "Minimum", "Mul", "Neg", "Pow", "PreventGradient", "RealDiv"}
_POINTWISE |= {
    "Reciprocal",
    "Relu",
    "Relu6",
    "Rsqrt",
    "Select",
    "SelectV2",
    "Selu",
    "Sigmoid",
    "Sin",
    "Snapshot",
    "Softplus",
}
_POINTWISE |= {"Softsign", "Split", "SplitV", "Sqrt", "Square", "SquaredDifference", "StopGradient", "Sub", "Tanh"}


_Seen = tuple[ReceptiveField, bool]
"""What is seen of a tensor, and whether that tensor has its channels first."""


def field_between(
    ops: Sequence[tf.Operation], target: tf.Tensor, image: tf.Tensor, first: bool = False
) -> ReceptiveField | None:
    """What one unit of ``target`` sees of ``image`` through ``ops``; ``None`` where that is the whole image.

    ``None`` also stands for a way through an op that mixes places in a manner not described by windows. ``first`` tells
    whether ``target`` has its channels first; window ops have them last, with transposes around them.
    """
    if (target.shape.rank or 0) < 3:
        return None
    waiting: dict[Any, list[_Seen]] = {target.ref(): [(ReceptiveField.unit(target.shape.rank - 2), first)]}
    for op in reversed(ops):
        arrived = [each for output in op.outputs for each in waiting.pop(output.ref(), [])]
        if not arrived:
            continue
        whole = _joined(arrived)
        below = None if whole is None else _below(op, *whole)
        if below is None:
            return None
        for entered in op.inputs:
            waiting.setdefault(entered.ref(), []).append(below)
    found = _joined(waiting.get(image.ref(), []))
    return None if found is None else found[0]


def _joined(seen: Sequence[_Seen]) -> _Seen | None:
    fields = [field for field, _ in seen]
    if len({(field.stride, first) for field, first in seen}) != 1:
        return None
    return reduce(ReceptiveField.joined, fields), seen[0][1]


def _below(op: tf.Operation, field: ReceptiveField, first: bool) -> _Seen | None:
    ranks = len(field.size) + 2
    places = slice(2, None) if first else slice(1, -1)
    if op.type in _WINDOWS and op.inputs[0].shape.rank == ranks and has_channels_last(op):
        kernel = op.get_attr("ksize")[1:-1] if "ksize" in op.node_def.attr else op.inputs[1].shape[: ranks - 2]
        axes = None if first else axes_of(op, tuple(kernel), tuple(op.inputs[0].shape[1:-1]))
        return None if axes is None else (field.below(axes), first)
    if op.type in {"Pad", "PadV2"}:
        margins = tf.get_static_value(op.inputs[1])
        if margins is None:
            return None
        return field.below(tuple(Axis(1, before=int(a), after=int(b)) for a, b in margins[places])), first
    if op.type == "Transpose":
        order = np.ravel(tf.get_static_value(op.inputs[1])).tolist()
        turned = order == ([0, ranks - 1, *range(1, ranks - 1)] if first else [0, *range(2, ranks), 1])
        return (field, not first) if turned else None
    sizes = [each.shape[places] for each in op.inputs if each.shape.rank == ranks]
    local = op.type in _POINTWISE and all(size == op.outputs[0].shape[places] or _one(size) for size in sizes)
    return (field, first) if local and not (first and op.type == "LRN") else None


def _one(size: tf.TensorShape) -> bool:
    return all(side == 1 for side in size)


def has_channels_last(op: tf.Operation) -> bool:
    """Whether an op has its channels last, or does not care."""
    return "data_format" not in op.node_def.attr or not op.get_attr("data_format").decode().startswith("NC")
