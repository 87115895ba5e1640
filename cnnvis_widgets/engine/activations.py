"""Images -> the feature maps of chosen layers, in one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..results import FeatureMaps, Layer
from .graph.nonfinite import is_finite
from .network.channels import channels_last, not_finite
from .network.loading import load


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
    values = network.runtime.run(feeds, [layer.tensor for layer in chosen])
    if not all(map(is_finite, [*feeds.values(), *values])):  # a ReLU may turn NaN into 0
        raise not_finite(network, feeds)
    return tuple(FeatureMaps(layer, channels_last(array, layer)) for layer, array in zip(chosen, values, strict=True))
