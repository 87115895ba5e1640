"""Channels of a layer: their numbers, their class names, and their place as the last axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import ChannelError, nearest
from ...results import Layer
from .network import Network


def channel_number(network: Network, layer: Layer, channel: int | str) -> int:
    """The number of a channel.

    Args:
        network: gives the class names.
        layer: has the channel.
        channel: its number, or the name of a class.

    Raises:
        ChannelError: the layer has no such channel.
    """
    names, count = class_names(network, layer), layer.channels
    if isinstance(channel, str):
        lowered = [name.lower() for name in names]
        if channel.lower() in lowered:
            return lowered.index(channel.lower())
        known = (
            nearest(channel, names)
            if names
            else "The network has no class names for this layer. Pass numbers, or class_names= to load."
        )
        raise ChannelError(f"Expected the name of a class of {layer.name!r}. Received: {channel!r}. {known}")
    number = int(channel)
    if number < 0 or (count is not None and number >= count):
        raise ChannelError(
            f"Expected channels from 0 to {(count or 0) - 1} of layer {layer.name!r}. Received: {channel!r}."
        )
    return number


def class_names(network: Network, layer: Layer) -> Sequence[str]:
    """The class names if there is one for each channel of the layer; otherwise none."""
    names = network.class_names or ()
    return names if layer.channels is None or len(names) == layer.channels else ()


def channel_title(network: Network, layer: Layer, number: int) -> str:
    """The class name of a channel, or its number where the layer has no class names."""
    names = class_names(network, layer)
    return names[number] if number < len(names) else str(number)


def ordered_class_names(class_names: Sequence[str] | Mapping[int, str] | None) -> tuple[str, ...] | None:
    """Class names in the order of the classes. A class that a mapping lacks gets its number as name."""
    if class_names is None:
        return None
    if isinstance(class_names, Mapping):
        last = max(map(int, class_names), default=-1)
        by_index = {int(index): str(name) for index, name in class_names.items()}
        return tuple(by_index.get(index, str(index)) for index in range(last + 1))
    return tuple(map(str, class_names))


def channels_last(values: np.ndarray, layer: Layer) -> np.ndarray:
    """A layer's values as float32 (images, height, width, channels)."""
    return np.ascontiguousarray(np.moveaxis(values, layer.channel_axis, -1), dtype=np.float32)
