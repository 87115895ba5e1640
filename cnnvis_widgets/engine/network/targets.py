"""Targets: which numbers of a head a person asks about, found from what they write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ChannelError
from ...results import Head, Target
from ..graph.layers import elements_of
from .channels import class_number, whole_number

Targets = int | str | Target | Sequence[int | str | Target] | None
"""One target or several; ``None`` for what the network is surest of."""


OneTarget = int | str | Target | None

EVERYWHERE = Target()
"""The surest class, at all places."""


@dataclass(frozen=True, eq=False)
class BoundTargets:
    """The targets of the images of one feed.

    Attributes:
        channels: int32 (images, targets): the class of each image.
        weights: float32 (targets, places): by how much each place of the head counts; each row adds up to 1.
        numbers: the class of each target; -1 where it is the surest one and images differ.
        names: of the targets.
        places: where each of them lies, see ``place_text``.
    """

    channels: np.ndarray
    weights: np.ndarray
    numbers: tuple[int, ...]
    names: tuple[str, ...]
    places: tuple[str, ...] = ()

    def by_place(self) -> list[tuple[np.ndarray, list[int]]]:
        """Each different row of ``weights``, and the indices of the targets that have it."""
        different = {weights.tobytes(): weights for weights in self.weights}
        places = [weights.tobytes() for weights in self.weights]
        return [(row, [at for at, place in enumerate(places) if place == key]) for key, row in different.items()]

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every image with every target: the row of the image, the channel, and the weights of the places."""
        images, targets = self.channels.shape
        return np.repeat(np.arange(images), targets), self.channels.ravel(), np.tile(self.weights, (images, 1))


def listed(targets: Targets) -> list[Target]:
    """Turn targets in any spelling into a list.

    Raises:
        ChannelError: the list is empty.

    Example:
        >>> listed("cat"), listed(None)
        ([Target(channel='cat', place=None, region=None)], [Target(channel=None, place=None, region=None)])
    """
    single = targets is None or isinstance(targets, str | Target) or whole_number(targets) is not None
    wanted: list[Any] | None = [targets] if single else elements_of(targets)
    if wanted is None:
        raise ChannelError(
            f"Expected a class by number or name, a Target, or a list of these. Received: {targets!r}. Name one."
        )
    if not wanted:
        raise ChannelError("Expected at least one channel or class. Received: an empty list. Name one.")
    return [item if isinstance(item, Target) else Target(item) for item in wanted]


def one(target: OneTarget) -> Target:
    """Turn one target in any spelling into a ``Target``.

    Raises:
        ChannelError: there are several.
    """
    wanted = listed(target)
    if len(wanted) != 1:
        raise ChannelError(f"Expected one class. Received: target={target!r}. Call once for each class.")
    return wanted[0]


def number_of(head: Head, target: Target) -> int | None:
    """The number of a target's class; ``None`` for the surest one."""
    return None if target.channel is None else class_number(head, target.channel)


def title_of(head: Head, target: Target, number: int | None) -> str:
    """A target for people: its class, and where."""
    name = "surest class" if number is None else head.title(number)
    return f"{name} {place_text(target)}".rstrip()


def place_text(target: Target) -> str:
    """Where a target lies; '' for all places.

    Example:
        >>> place_text(Target(1, place=(3, 5))), place_text(Target(1, region=(0, 0, 4, 4))), place_text(Target(1))
        ('at 3, 5', 'in 0, 0, 4, 4', '')
    """
    if target.place is not None:
        return f"at {', '.join(map(str, target.place))}"
    return "" if target.region is None else f"in {', '.join(map(str, target.region))}"


def weights_of(head: Head, target: Target, sizes: Sequence[int]) -> np.ndarray:
    """By how much each place of a head counts for a target.

    Args:
        head: for the message of an error.
        target: a place, a region, or neither for all places.
        sizes: of the head along its spatial axes.

    Returns:
        float32 (places,), in row-major order; the sum is 1.

    Raises:
        ChannelError: the place or region does not lie in the map.

    Example:
        >>> weights_of(head, Target(0, region=(0, 1, 1, 2)), (2, 3))
        array([0. , 0.5, 0.5, 0. , 0. , 0. ], dtype=float32)
    """
    weights = np.zeros(tuple(sizes), np.float32)
    try:
        weights[_window(target, sizes)] = 1
    except ValueError as error:
        map_size = " x ".join(map(str, sizes)) or "one place"
        received = f"place={target.place!r}" if target.region is None else f"region={target.region!r}"
        raise ChannelError(
            f"Expected {error} within head {head.name!r}, which has {map_size}. Received: {received}."
        ) from error
    return (weights / weights.sum()).ravel()


def _window(target: Target, sizes: Sequence[int]) -> tuple[slice, ...]:
    """The places of a target along each spatial axis; ``ValueError``, with what was expected, where they do not fit."""
    firsts, lengths = [0] * len(sizes), list(sizes)
    if target.region is not None:
        if not isinstance(target.region, Sequence) or len(target.region) != 4:
            raise ValueError("region as (top, left, height, width)")
        *firsts, height, width = target.region
        lengths, expected = [height, width], "region as (top, left, height, width)"
    elif target.place is not None:
        if not isinstance(target.place, Sequence):
            raise ValueError("place as one number for each axis")
        firsts, lengths, expected = [*target.place], [1] * len(target.place), "place as one number for each axis"
    else:
        return tuple(map(slice, lengths))
    fits = len(firsts) == len(lengths) == len(sizes) and all(
        first >= 0 and length >= 1 and first + length <= size
        for first, length, size in zip(firsts, lengths, sizes, strict=True)
    )
    if not fits:
        raise ValueError(expected)
    return tuple(slice(first, first + length) for first, length in zip(firsts, lengths, strict=True))
