"""Channels of a layer: their numbers, their class names, and their place as the last axis."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from ...errors import ChannelError, nearest
from ...results import Head, Layer
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
    number = whole_number(channel)
    if number is None or number < 0 or (count is not None and number >= count):
        raise ChannelError(
            f"Expected channels from 0 to {(count or 0) - 1} of layer {layer.name!r}. Received: {channel!r}."
        )
    return number


def whole_number(value: Any) -> int | None:
    """A whole number of any type as an int; ``None`` for anything else, such as 1.5 or a list."""
    try:
        return index(value)
    except TypeError:
        return None


def class_number(head: Head, target: int | str) -> int:
    """The number of a class, label or value of a head.

    Raises:
        ChannelError: the head has none of this number or name; the message gives the nearest names.
    """
    if isinstance(target, str):
        names = head.names or (("no", "yes") if head.meaning == "yes or no" else ())
        lowered = [name.lower() for name in names]
        if target.lower() in lowered:
            return lowered.index(target.lower())
        known = nearest(target, names) if names else "The head has no names. Pass numbers, or class_names= to load."
        raise ChannelError(f"Expected the name of a class of head {head.name!r}. Received: {target!r}. {known}")
    number, count = whole_number(target), head.classes
    if number is None or number < 0 or (count is not None and number >= count):
        raise ChannelError(
            f"Expected a class from 0 to {(count or 0) - 1} of head {head.name!r}. Received: {target!r}."
        )
    return number


def class_names(network: Network, layer: Layer) -> Sequence[str]:
    """The class names of the head that a layer belongs to; of another layer those of the main head, if they fit."""
    own = (
        head.names for head in network.heads if layer.tensor in (head.output.tensor, head.activated, head.scores.tensor)
    )
    names = next(own, network.class_names) or ()
    return names if layer.channels is None or len(names) == layer.channels else ()


def channel_title(network: Network, layer: Layer, number: int) -> str:
    """The class name of a channel, or its number where the layer has no class names."""
    names = class_names(network, layer)
    return names[number] if number < len(names) else str(number)


def channels_last(values: np.ndarray, layer: Layer) -> np.ndarray:
    """A layer's values as float32 (images, height, width, channels)."""
    return np.ascontiguousarray(np.moveaxis(values, layer.channel_axis, -1), dtype=np.float32)
