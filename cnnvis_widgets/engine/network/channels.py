"""Channels of a layer: their numbers and names, the order channels last, and whether values are finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import ChannelError, NumericalError, nearest
from ...results import Layer
from ..graph.nonfinite import is_finite
from .feeds import Feeds
from .network import Network


def channel_number(network: Network, layer: Layer, channel: int | str) -> int:
    """The number of a channel, or of a class by name.

    Raises:
        ChannelError: the layer has no such channel.
    """
    names, count = class_names(network, layer), layer.channels
    if isinstance(channel, str):
        lowered = [each.lower() for each in names]
        if channel.lower() in lowered:
            return lowered.index(channel.lower())
        known = (
            nearest(channel, names)
            if names
            else ("The network has no class names for this layer; pass numbers, or class_names= to load.")
        )
        raise ChannelError(f"Expected the name of a class of {layer.name!r}. Received: {channel!r}. {known}")
    number = int(channel)
    if number < 0 or (count is not None and number >= count):
        raise ChannelError(
            f"Expected channels from 0 to {(count or 0) - 1} of layer {layer.name!r}. Received: {channel!r}."
        )
    return number


def class_names(network: Network, layer: Layer) -> Sequence[str]:
    """The class names that fit a layer's channels; none if their number differs."""
    named = network.class_names or ()
    return named if layer.channels is None or len(named) == layer.channels else ()


def channel_title(network: Network, layer: Layer, number: int) -> str:
    """The class name of a channel; its number where the layer has no class names."""
    names = class_names(network, layer)
    return names[number] if number < len(names) else str(number)


def names_of_classes(class_names: Sequence[str] | Mapping[int, str] | None) -> tuple[str, ...] | None:
    """Class names in the order of the classes. In a mapping, missing classes are called by their number."""
    if class_names is None:
        return None
    if isinstance(class_names, Mapping):
        last = max(map(int, class_names), default=-1)
        named = {int(index): str(name) for index, name in class_names.items()}
        return tuple(named.get(index, str(index)) for index in range(last + 1))
    return tuple(map(str, class_names))


def channels_last(values: np.ndarray, layer: Layer) -> np.ndarray:
    """A layer's values in the order (images, height, width, channels), float32."""
    return np.ascontiguousarray(np.moveaxis(values, layer.channel_axis, -1), dtype=np.float32)


def not_finite(network: Network, feeds: Feeds) -> NumericalError:
    """An error that names the feed, or else the first layer, that holds NaN or infinity."""
    fed = next((tensor for tensor, array in feeds.items() if not is_finite(array)), None)
    if fed is not None:
        name = fed.removesuffix(":0")
        return NumericalError(
            f"Expected finite values to feed. Received: NaN or infinity for {name!r}. Check how they were made."
        )
    layers = [layer for layer in network.layers if not network.nonfinite_weights(layer)]
    values = zip(layers, network.runtime.run(feeds, [layer.tensor for layer in layers]), strict=True)
    first = next((f"first in layer {layer.name!r}" for layer, array in values if not is_finite(array)), "in no layer")
    return NumericalError(
        f"Expected finite activations. Received: NaN or infinity {first}. Check the range of what is fed, and the "
        "weights."
    )
