"""Feature maps reduced to one number each, within the graph, so that the maps themselves are never kept.

All convolutions of a network may have thirty megabytes of maps for one image. The largest value of each map and its
place take a few kilobytes. TensorFlow frees a map as soon as it is reduced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..results import Layer
from .network.feeds import Feeds
from .network.network import Network
from .network.runtime import Runtime

REDUCTIONS = ("max", "mean")
"""What ``reduced_activations`` can compute of a map."""


def reduced_activations(network: Network, feeds: Feeds, layers: Sequence[Layer], reduction: str) -> list[np.ndarray]:
    """Compute the largest value or the mean of every map.

    Args:
        network: the network.
        feeds: arrays by tensor name, all run together.
        layers: of the network.
        reduction: one of ``REDUCTIONS``.

    Returns:
        float32 (images, channels) for each layer.

    Raises:
        FeedError: a placeholder is not fed. NumericalError: a layer depends on weights that hold NaN or infinity.
    """
    operation = {"max": tf.reduce_max, "mean": tf.reduce_mean}[reduction]

    def reduce(maps: tf.Tensor) -> list[tf.Tensor]:
        return [operation(maps, axis=list(range(1, maps.shape.rank - 1)))]

    return _run(network.runtime, feeds, layers, reduce, reduction)


def strongest_units(
    network: Network, feeds: Feeds, layers: Sequence[Layer], floors: Sequence[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Compute the largest value of every map, where it is, and the sizes of the maps.

    Args:
        network, feeds, layers: as for ``reduced_activations``.
        floors: for each layer float32 (channels,). The place of a smaller value is not looked for: where thousands of
            images compete for a few ranks, most lose.

    Returns:
        For each layer the values, float32 (images, channels), and the places, int32 (images, channels): the index of
        the unit, row by row, the first one where several have this value, and 0 below the floor; and the sizes of the
        maps, int32 (images, spatial axes).

    Raises:
        FeedError, NumericalError: as ``reduced_activations``.
    """
    arrays = _run(network.runtime, feeds, layers, _strongest, "strongest units", floors)
    return list(zip(arrays[::3], arrays[1::3], arrays[2::3], strict=True))


def _run(
    runtime: Runtime,
    feeds: Feeds,
    layers: Sequence[Layer],
    reduce: Callable[..., list[tf.Tensor]],
    name: str,
    more: Sequence[np.ndarray] = (),
) -> list[np.ndarray]:
    """Run the network and reduce each layer, with its channels last, within one compiled function.

    Args:
        runtime, feeds, layers: as above.
        reduce: takes the maps of a layer, and its entry of ``more`` if there is one.
        name: of the reduction.
        more: a vector for each layer.
    """
    tensors = [layer.tensor for layer in layers]

    def body(*arrays: tf.Tensor) -> list[tf.Tensor]:
        fed, vectors = arrays[: len(feeds)], arrays[len(feeds) :]
        values = runtime.build(dict(zip(feeds, fed, strict=True)), tensors)
        maps = [_channels_last(value, layer) for value, layer in zip(values, layers, strict=True)]
        reduced = map(reduce, maps, vectors) if vectors else map(reduce, maps)
        return [array for arrays in reduced for array in arrays]

    signature = [*runtime.batches.signature(feeds), *(tf.TensorSpec([None], tf.float32) for _ in more)]
    function = runtime.compiled((name, tuple(feeds), tuple(tensors)), body, signature)
    parts: list[list[Any]] = [
        [value[:count] for value in function(*chunk.values(), *more)]
        for chunk, count in runtime.batches.chunks(feeds, together=True)
    ]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _channels_last(values: tf.Tensor, layer: Layer) -> tf.Tensor:
    rank, axis = len(layer.shape), layer.channel_axis
    if axis != rank - 1:
        values = tf.transpose(values, [*(place for place in range(rank) if place != axis), axis])
    return tf.cast(values, tf.float32)


def _strongest(maps: tf.Tensor, floor: tf.Tensor) -> list[tf.Tensor]:
    """The largest value of every map, the index of its first place if it reaches the floor, and the sizes of the maps.

    An ``argmax`` over all places costs more than many a convolution. This one looks at every value once, for the
    largest of each row. The row with the largest value then follows from a few numbers, and the column from that row.
    """
    if maps.shape.rank == 2:
        return [maps, tf.zeros_like(maps, tf.int32), tf.zeros([tf.shape(maps)[0], 0], tf.int32)]
    sizes = tf.shape(maps, tf.int64)
    images, width, channels = sizes[0], sizes[-2], sizes[-1]
    rows = tf.reshape(maps, tf.stack([images, -1, width, channels]))
    height = tf.shape(rows, tf.int64)[1]
    of_rows = tf.reduce_max(rows, axis=2)
    largest = tf.reduce_max(of_rows, axis=1)  # (images, channels)
    found = tf.where(largest >= floor)
    image, channel, values = found[:, 0], found[:, 1], tf.gather_nd(largest, found)
    row = _first(of_rows, image * height * channels + channel, channels, height, values)
    column = _first(rows, (image * height + row) * width * channels + channel, channels, width, values)
    places = tf.scatter_nd(found, tf.cast(row * width + column, tf.int32), tf.shape(largest, tf.int64))
    return [largest, places, tf.tile(tf.cast(sizes[None, 1:-1], tf.int32), tf.stack([images, 1]))]


def _first(array: tf.Tensor, starts: tf.Tensor, stride: tf.Tensor, count: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """In each line of an array, the first index of a value; the array is read as a flat one.

    Args:
        array: of any shape.
        starts: int64 (lines,), where each line begins.
        stride, count: how far its values are apart, and how many there are.
        values: (lines,), that are looked for; each is in its line.
    """
    lines = tf.gather(tf.reshape(array, [-1]), starts[:, None] + stride * tf.range(count))
    return tf.argmax(tf.cast(lines == values[:, None], tf.int8), axis=1)
