"""Images -> the feature maps of chosen layers, in one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..results import FeatureMaps, Layer
from .loading import load


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
    """
    network = load(network, feed)
    chosen = network.select(layers)
    values = network.run(network.feeds(), [layer.tensor for layer in chosen])
    return tuple(FeatureMaps(layer, channels_last(array, layer)) for layer, array in zip(chosen, values, strict=True))


def channels_last(values: np.ndarray, layer: Layer) -> np.ndarray:
    """A layer's values in the order (images, height, width, channels), float32."""
    return np.ascontiguousarray(np.moveaxis(values, layer.channel_axis, -1), dtype=np.float32)
