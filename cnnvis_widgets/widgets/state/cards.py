"""Which cards of channels are pinned, what people call channels, and how their pictures are cut."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import traitlets as t

from ...errors import ChannelError, OptionError
from .checked_traits import Checked, index_of
from .explorer_state import UNKNOWN_SIZE, ExplorerState

CROPS = {"strong": "what drives it", "field": "its receptive field", "image": "the whole image"}
"""Values of ``crop`` and their titles."""

MOST_PINNED = 4
"""Pinned cards: more would neither fit beside each other nor be ready soon."""

LONGEST_NAME = 60
"""Characters of a name: it stands in one line."""


class Address(NamedTuple):
    """A channel of a layer. As text it is 'layer[channel]', which names it in the saved state.

    Example:
        >>> str(Address("conv1", 7)), Address.of("conv1[7]")
        ('conv1[7]', Address(layer='conv1', channel=7))
    """

    layer: str
    channel: int

    def __str__(self) -> str:
        return f"{self.layer}[{self.channel}]"

    @classmethod
    def of(cls, text: str) -> Address:
        """Read an address.

        Raises:
            ChannelError: it is none.
        """
        match = re.fullmatch(r"(.+)\[(\d+)\]", str(text))
        if match is None:
            raise ChannelError(f"Expected a channel as 'layer[number]'. Received: {text!r}.")
        return cls(match[1], int(match[2]))


def checked_address(state: ExplorerState, text: str) -> str:
    """The address of a channel that the network has.

    Raises:
        LayerError, ChannelError: it has no such layer or channel.
    """
    layer, channel = Address.of(text)
    found = state.network.layer(layer)
    count, what = found.channels or UNKNOWN_SIZE, f"a channel of {found.name!r}"
    return str(Address(found.name, index_of(channel, (), count, what, ChannelError)))


def _names(state: ExplorerState, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value.values()):
        raise OptionError(f"Expected names by channel, such as {{'conv1[7]': 'eye'}}. Received: {value!r}.")
    named = {checked_address(state, address): " ".join(name.split())[:LONGEST_NAME] for address, name in value.items()}
    return {address: name for address, name in named.items() if name}


def _pinned(state: ExplorerState, value: Any) -> tuple[str, ...]:
    pinned = tuple(dict.fromkeys(checked_address(state, address) for address in value))
    if len(pinned) > MOST_PINNED:
        raise OptionError(f"Expected at most {MOST_PINNED} pinned cards. Received: {len(pinned)}. Unpin one first.")
    return pinned


class CardTraits(ExplorerState):
    """What the card of a channel shows beside the channel itself.

    Attributes:
        channel_names: what people call channels, by 'layer[channel]'; an empty name removes one.
        pinned_cards: 'layer[channel]' of the cards that stay on the screen beside the chosen one, at most four.
        crop: patch and projection are cut to the 'strong' part of what the unit sees, to its receptive 'field', or
            they are the whole 'image'.
    """

    channel_names = Checked(_names)
    pinned_cards = Checked(_pinned, ())
    crop = t.Enum(tuple(CROPS), "strong")

    @t.default("channel_names")
    def _no_names(self) -> dict[str, str]:
        return {}

    def name_channel(self, layer: str, channel: int, name: str) -> None:
        """Name a channel; an empty name removes its name."""
        self.channel_names = {**self.channel_names, str(Address(layer, channel)): name}

    def channel_name(self, layer: str, channel: int) -> str:
        """What people call a channel; '' where it has no name."""
        return str(self.channel_names.get(str(Address(layer, channel)), ""))
