"""The numbers in a window of a convolution or a pool, and the weights that meet them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph.graphdef import NodeDef
from ..ops.windows import Axis

CONVOLUTIONS = {"Conv2D", "Conv3D", "DepthwiseConv2dNative"}
POOLS = {"MaxPool": "max", "MaxPool3D": "max", "AvgPool": "mean", "AvgPool3D": "mean"}

Places = tuple[tuple[int, ...], ...]


def is_first(node: NodeDef) -> bool:
    """Whether an op has its channels first."""
    return "data_format" in node.attr and node.attr["data_format"].s.startswith(b"NC")


def axes_of_node(node: NodeDef, kernel: Sequence[int], lengths: Sequence[int]) -> tuple[Axis, ...]:
    """The windows of an op along each spatial axis of its map."""
    spatial = slice(2, None) if is_first(node) else slice(1, -1)
    strides = list(node.attr["strides"].list.i)[spatial]
    dilations = list(node.attr["dilations"].list.i)[spatial] or [1] * len(kernel)
    padding, explicit = node.attr["padding"].s, list(node.attr["explicit_paddings"].list.i)
    pairs = list(zip(explicit[::2], explicit[1::2], strict=True))[spatial]
    axes = []
    for index, (size, stride, dilation, length) in enumerate(zip(kernel, strides, dilations, lengths, strict=True)):
        before = after = 0
        if padding == b"EXPLICIT":
            before, after = pairs[index]
        elif padding == b"SAME":
            missing = max((-(-length // stride) - 1) * stride + (size - 1) * dilation + 1 - length, 0)
            before, after = missing // 2, missing - missing // 2
        axes.append(Axis(size, stride, dilation, before, after))
    return tuple(axes)


def places_of(axes: Sequence[Axis], unit: Sequence[int]) -> Places:
    """Along each axis, the places in the map that the window of a unit takes; they may lie outside of it."""
    begins = [place * axis.stride - axis.before for place, axis in zip(unit, axes, strict=True)]
    return tuple(
        tuple(begin + tap * axis.dilation for tap in range(axis.kernel))
        for begin, axis in zip(begins, axes, strict=True)
    )


def window_of(maps: np.ndarray, places: Places, outside: float) -> np.ndarray:
    """The numbers at places of a map (spatial axes, ...); those outside of it are ``outside``.

    Example:
        >>> window_of(np.arange(4.0).reshape(2, 2), ((-1, 0), (0, 1)), 0.0).tolist()
        [[0.0, 0.0], [0.0, 1.0]]
    """
    sizes = maps.shape[: len(places)]
    clipped = [np.clip(taken, 0, size - 1) for taken, size in zip(places, sizes, strict=True)]
    window = maps[np.ix_(*clipped)].astype(np.float32)
    inside = [(np.asarray(taken) >= 0) & (np.asarray(taken) < size) for taken, size in zip(places, sizes, strict=True)]
    mask = np.ones((), bool)
    for axis, good in enumerate(inside):
        shape = [1] * len(places)
        shape[axis] = len(good)
        mask = mask & good.reshape(shape)
    window[~np.broadcast_to(mask, window.shape[: len(places)])] = outside
    return window


def kernel_of(node: NodeDef, weights: np.ndarray, channel: int, inputs: int) -> tuple[np.ndarray, slice]:
    """The weights of one output channel, and the channels of the map that they meet.

    Args:
        node: a convolution.
        weights: (height, width, channels of the map, channels or multiples).
        channel: of the output.
        inputs: how many channels the map has.

    Returns:
        (height, width, channels) and a range; (height, width) and a range of one channel for a depthwise convolution.
    """
    if node.op == "DepthwiseConv2dNative":
        multiples = weights.shape[-1]
        source = channel // multiples
        return weights[..., source, channel % multiples], slice(source, source + 1)
    own = weights.shape[-2]  # fewer than the map has, in a grouped convolution
    group = channel // (weights.shape[-1] // (inputs // own))
    return weights[..., channel], slice(group * own, (group + 1) * own)
