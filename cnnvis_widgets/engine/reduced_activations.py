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
    network: Network, feeds: Feeds, layers: Sequence[Layer]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Compute the largest value of every map, where it is, and the sizes of the maps.

    Args:
        network, feeds, layers: as for ``reduced_activations``.

    Returns:
        For each layer the values, float32 (images, channels), and the places, int32 (images, channels): the index of
        the unit, row by row, the first one where several have this value; and the sizes of the maps, int32 (images,
        spatial axes).

    Raises:
        FeedError, NumericalError: as ``reduced_activations``.
    """
    arrays = _run(network.runtime, feeds, layers, _strongest, "strongest units")
    return list(zip(arrays[::3], arrays[1::3], arrays[2::3], strict=True))


def _run(
    runtime: Runtime, feeds: Feeds, layers: Sequence[Layer], reduce: Callable[[tf.Tensor], list[tf.Tensor]], name: str
) -> list[np.ndarray]:
    """Run the network and reduce each layer, with its channels last, within one compiled function."""
    tensors = [layer.tensor for layer in layers]

    def body(*fed: tf.Tensor) -> list[tf.Tensor]:
        values = runtime.build(dict(zip(feeds, fed, strict=True)), tensors)
        maps = [_channels_last(value, layer) for value, layer in zip(values, layers, strict=True)]
        return [reduced for each in maps for reduced in reduce(each)]

    function = runtime.compiled((name, tuple(feeds), tuple(tensors)), body, runtime.batches.signature(feeds))
    parts: list[list[Any]] = [
        [value[:count] for value in function(*chunk.values())]
        for chunk, count in runtime.batches.chunks(feeds, together=True)
    ]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _channels_last(values: tf.Tensor, layer: Layer) -> tf.Tensor:
    rank, axis = len(layer.shape), layer.channel_axis
    if axis != rank - 1:
        values = tf.transpose(values, [*(place for place in range(rank) if place != axis), axis])
    return tf.cast(values, tf.float32)


def _strongest(maps: tf.Tensor) -> list[tf.Tensor]:
    """The largest value of every map, the index of its first place, and the sizes of the maps.

    An ``argmax`` over all places costs more than many a convolution. This one looks at every value once, for the
    largest of each row. The row with the largest value then follows from a few numbers, and the column from that row.
    """
    if maps.shape.rank == 2:
        return [maps, tf.zeros_like(maps, tf.int32), tf.zeros([tf.shape(maps)[0], 0], tf.int32)]
    sizes = tf.shape(maps)
    images, width, channels = sizes[0], sizes[-2], sizes[-1]
    rows = tf.reshape(maps, [images, -1, width, channels])
    of_rows = tf.reduce_max(rows, axis=2)
    largest = tf.reduce_max(of_rows, axis=1)  # (images, channels)
    row = _first(of_rows, largest)
    along, across = tf.cast(tf.range(width) * channels, tf.int64), tf.cast(tf.range(channels), tf.int64)
    above = tf.range(images)[:, None] * tf.shape(rows)[1] + row
    places = tf.cast(above, tf.int64) * tf.cast(width * channels, tf.int64) + across
    chosen = tf.gather(tf.reshape(rows, [-1]), places[:, None, :] + along[None, :, None])  # (images, width, channels)
    column = _first(chosen, largest)
    of_maps = tf.tile(sizes[None, 1:-1], [images, 1])
    return [largest, row * width + column, of_maps]


def _first(values: tf.Tensor, largest: tf.Tensor) -> tf.Tensor:
    """The first index along axis 1 at which values (images, places, channels) reach the largest, (images, channels).

    ``argmax`` compares one number after the other; this compares, multiplies and reduces many at a time. NaN, which
    equals nothing, gives the last index.
    """
    count = tf.shape(values)[1]
    reached = tf.cast(values >= largest[:, None, :], tf.float32)
    left = tf.cast(tf.range(count, 0, -1), tf.float32)
    return tf.minimum(count - tf.cast(tf.reduce_max(reached * left[None, :, None], axis=1), tf.int32), count - 1)
