"""Layers that are computed in one run, so that the one looked at next is there before it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..errors import CnnvisError
from ..results import FeatureMaps, Layer
from .activations import activations
from .network.network import Network

TOGETHER = 2**24
"""Bytes of feature maps that are computed in one run."""


def maps_around(network: Network, feed: Any, name: str, limit: int = TOGETHER) -> tuple[FeatureMaps, ...]:
    """The feature maps of a layer, and of its neighbours.

    Tracing costs more than computing does (for a layer of the embedded network a second, against a tenth), and a
    function for each of a hundred layers fills the memory. So the layers are cut into runs of at most ``limit`` bytes,
    each with one function. TensorFlow fuses other ops there than where one layer is fetched: values differ in rounding.

    Args:
        network: that is looked at.
        feed: of one image.
        name: of a layer, in any spelling.
        limit: bytes of values; a layer that is larger, whose size is not known, or that is not among
            ``network.layers``, is computed alone.

    Raises:
        FeedError: the feed does not fit. NumericalError: NaN or infinity in this layer, or in what is fed.
    """
    layer = network.layer(name)
    run = next((each for each in runs(network, feed, limit) if layer.name in each), [layer.name])
    try:
        return activations(network, feed, run)
    except CnnvisError:  # another layer may hold NaN, or need an input that is not fed
        return activations(network, feed, layer)


def runs(network: Network, feed: Any, limit: int = TOGETHER) -> Sequence[Sequence[str]]:
    """The names of all layers, in the order of the network, cut into runs."""
    feeds = network.feeds(feed)
    sizes = tuple((tensor, array.shape) for tensor, array in feeds.items())
    found: Sequence[Sequence[str]] = network.runtime.cache.get_or_make(
        ("runs", sizes, limit), lambda: _cut(network.runtime.layers_as_fed(feeds), limit)
    )
    return found


def _cut(layers: Sequence[Layer], limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    left = 0
    for layer in layers:
        sizes = layer.shape[1:]
        size = limit if None in sizes or not layer.shape else 4 * prod(each or 1 for each in sizes)
        if size > left or not found:
            found.append([])
            left = limit
        found[-1].append(layer.name)
        left -= size
    return found
