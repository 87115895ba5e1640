"""Images to feature maps: the activations of chosen layers, in one forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from ..arguments import checked
from ..errors import CnnvisError
from ..results import FeatureMaps, Layer
from .graph.nonfinite import is_finite
from .network.channels import channels_last
from .network.feed_parts import parts_of_feed
from .network.feeds import Feeds
from .network.loading import load
from .network.network import Network

BYTES_PER_RUN = 2**24
"""The most bytes of feature maps that ``maps_with_neighbours`` computes in one run."""


@checked
def activations(
    network: Any, feed: Any = None, layers: str | Layer | Iterable[str | Layer] = "r"
) -> tuple[FeatureMaps, ...]:
    """Compute the activations of layers.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        layers: a selection (see ``Network.select``).

    Returns:
        One ``FeatureMaps`` for each layer, in the order of the selection; ``values`` is float32
        (images, height, width, channels), in the units of the layer.

    Raises:
        LayerError: the selection fits no layer. FeedError: the feed does not fit.
        NumericalError: NaN or infinity in the feed or in a chosen layer; the error names where they begin.

    Example:
        >>> import keras, numpy as np
        >>> convolution = keras.layers.Conv2D(4, 3, activation="relu", name="edges")
        >>> model = keras.Sequential([keras.layers.Input((8, 8, 3)), convolution])
        >>> (maps,) = activations(model, np.ones((8, 8, 3), np.float32), "edges")
        >>> maps.values.shape, bool(maps.values.min() >= 0)
        ((1, 6, 6, 4), True)
    """
    network = load(network, feed)
    chosen = network.select(layers)
    parts = [_maps(network, network.feeds(part), chosen) for part in parts_of_feed(network)]
    values = parts[0] if len(parts) == 1 else [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return tuple(FeatureMaps(layer, array) for layer, array in zip(chosen, values, strict=True))


def _maps(network: Network, feeds: Feeds, chosen: Sequence[Layer]) -> list[np.ndarray]:
    """The values of layers, channels last."""
    values = network.runtime.run(feeds, [layer.tensor for layer in chosen])
    if not all(map(is_finite, [*feeds.values(), *values])):  # a ReLU may turn NaN into 0
        raise network.runtime.nonfinite_error(feeds)
    return [channels_last(array, layer) for array, layer in zip(values, chosen, strict=True)]


def activation_steps(
    network: Any, feed: Any = None, layers: str | Layer | Iterable[str | Layer] = "r", *, limit: int = BYTES_PER_RUN
) -> Iterator[FeatureMaps]:
    """Do the same as ``activations``, in several forward passes, so that memory does not grow with the layers.

    Args:
        network, feed, layers: as for ``activations``.
        limit: the most bytes of feature maps that one forward pass keeps; a larger layer has a pass of its own.

    Yields:
        One ``FeatureMaps`` for each layer, in the order of the selection.

    Raises:
        CnnvisError: as ``activations``; NaN or infinity in a layer when its turn comes.

    Example:
        >>> import keras, numpy as np
        >>> convolution = keras.layers.Conv2D(4, 3, activation="relu", name="edges")
        >>> model = keras.Sequential([keras.layers.Input((8, 8, 3)), convolution])
        >>> [maps.values.shape for maps in activation_steps(model, np.ones((8, 8, 3), np.float32), ["c", "r"])]
        [(1, 6, 6, 4), (1, 6, 6, 4)]
    """
    network = load(network, feed)
    chosen, feeds = network.select(layers), network.feeds()
    by_name = {layer.name: layer for layer in chosen}
    images = len(feeds[network.runtime.image_tensor])
    for run in _cut(network.runtime.as_fed(chosen, feeds), limit // max(1, images)):
        yield from activations(network, None, [by_name[layer.name] for layer in run])


def maps_with_neighbours(network: Network, feed: Any, name: str, limit: int = BYTES_PER_RUN) -> tuple[FeatureMaps, ...]:
    """Compute the feature maps of a layer together with those of the layers around it.

    Tracing a function costs more than running it (for a layer of the embedded network a second, against a tenth), and
    a function for each of a hundred layers fills the memory. So the layers are cut into runs of at most ``limit``
    bytes, each with one function. TensorFlow fuses other ops there than for a single layer: values differ in rounding.

    Args:
        network: the network.
        feed: of one image.
        name: of a layer, in any spelling.
        limit: the most bytes of values in a run. A layer is computed alone if it is larger, if its size is not known,
            or if it is not among ``network.layers``.

    Raises:
        FeedError: the feed does not fit. NumericalError: NaN or infinity in this layer, or in the feed.
    """
    layer = network.layer(name)
    run = next((names for names in layer_runs(network, feed, limit) if layer.name in names), [layer.name])
    try:
        return activations(network, feed, run)
    except CnnvisError:  # another layer may hold NaN, or need an input that is not fed
        return activations(network, feed, layer)


def layer_runs(network: Network, feed: Any, limit: int = BYTES_PER_RUN) -> Sequence[Sequence[str]]:
    """Cut all layers, in the order of the network, into runs of at most ``limit`` bytes; returns their names."""
    feeds = network.feeds(feed)
    sizes = tuple((tensor, array.shape) for tensor, array in feeds.items())
    names: Sequence[Sequence[str]] = network.runtime.cache.get_or_make(
        ("runs", sizes, limit),
        lambda: [[layer.name for layer in run] for run in _cut(network.runtime.layers_as_fed(feeds), limit)],
    )
    return names


def _cut(layers: Sequence[Layer], limit: int) -> list[list[Layer]]:
    runs: list[list[Layer]] = []
    left = 0
    for layer in layers:
        sizes = layer.shape[1:]
        size = limit if None in sizes or not layer.shape else 4 * prod(side or 1 for side in sizes)
        if size > left or not runs:
            runs.append([])
            left = limit
        runs[-1].append(layer)
        left -= size
    return runs
