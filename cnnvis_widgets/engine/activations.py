"""Images -> the feature maps of chosen layers, in one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import NumericalError
from ..results import FeatureMaps, Layer
from .network.batches import Feeds
from .network.loading import load
from .network.network import Network


def activations(
    network: Any, feed: Any = None, layers: str | Layer | Sequence[str | Layer] = "r"
) -> tuple[FeatureMaps, ...]:
    """The activations of layers.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        layers: a selection (see ``Network.select``).

    Returns:
        One ``FeatureMaps`` for each layer, in the order of the selection; ``values`` is float32
        (images, height, width, channels), in the units of the layer.

    Raises:
        LayerError: the selection fits no layer. FeedError: the feed does not fit.
        NumericalError: NaN or infinity in what is fed or in a chosen layer; it names where they begin.
    """
    network = load(network, feed)
    chosen, feeds = network.select(layers), network.feeds()
    values = network.run(feeds, [layer.tensor for layer in chosen])
    if not all(map(is_finite, [*feeds.values(), *values])):  # a ReLU may turn NaN into 0
        raise not_finite(network, feeds)
    return tuple(FeatureMaps(layer, channels_last(array, layer)) for layer, array in zip(chosen, values, strict=True))


def channels_last(values: np.ndarray, layer: Layer) -> np.ndarray:
    """A layer's values in the order (images, height, width, channels), float32."""
    return np.ascontiguousarray(np.moveaxis(values, layer.channel_axis, -1), dtype=np.float32)


def is_finite(values: np.ndarray) -> bool:
    """Whether there is neither NaN nor infinity among values; one sum says so of nearly all arrays."""
    if values.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())


def not_finite(network: Network, feeds: Feeds) -> NumericalError:
    """An error that names the feed, or else the first layer, that holds NaN or infinity."""
    fed = next((tensor for tensor, array in feeds.items() if not is_finite(array)), None)
    if fed is not None:
        name = fed.removesuffix(":0")
        return NumericalError(
            f"Expected finite values to feed. Received: NaN or infinity for {name!r}. Check how they were made."
        )
    values = zip(network.layers, network.run(feeds, [layer.tensor for layer in network.layers]), strict=True)
    first = next((f"first in layer {layer.name!r}" for layer, array in values if not is_finite(array)), "in no layer")
    return NumericalError(
        f"Expected finite activations. Received: NaN or infinity {first}. Check the range of what is fed, and the "
        "weights."
    )
