"""The strongest patches of a channel, cut out by its receptive field, each beside its projection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..engine.network.feeds import Feeds
from ..engine.network.network import Network
from ..engine.reconstruction.reconstruct import reconstruct
from ..results import Layer, Patch, StrongestPatches
from .decoding import feeds_of
from .ranking import NOTHING, Ranking

if TYPE_CHECKING:
    from .survey import Survey

Box = tuple[tuple[int, int], ...]
"""(start, stop) of a receptive field along each axis of an image, in pixels; it may reach over the border."""

_CHANNELS_AT_ONCE = 32
"""Projections of one image that are in memory together."""


@dataclass(frozen=True)
class _Wanted:
    """One patch of one channel: its rank, the value and the unit."""

    channel: int
    rank: int
    value: float
    unit: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Fed:
    """One image of a data set as it is fed."""

    key: str
    label: str | None
    feeds: Feeds


def strongest_patches(
    survey: Survey, layer: Layer, channels: Sequence[int], *, count: int | None, rule: str | None
) -> Iterator[StrongestPatches]:
    """Cut out the strongest patches of channels, and project their units.

    Each image is decoded and run once for all its patches.

    Args:
        survey: the index, with network and images.
        layer: a surveyed layer.
        channels: of the layer.
        count: of patches for each channel; ``None`` for all.
        rule: of the projections; ``None`` for none.
    """
    network, labels = survey.require_network(), dict(zip(survey.keys, survey.labels, strict=True))
    wanted = _wanted_by_image(survey.layer_summary(layer).ranking, channels, count)
    done: dict[int, list[tuple[int, Patch]]] = {channel: [] for channel in channels}
    ranges = []
    for key, source in survey.sources(set(wanted)).items():
        fed = _Fed(key, labels.get(key), feeds_of(network, source))
        ranges.append(network.value_range(fed.feeds))
        for start in range(0, len(wanted[key]), _CHANNELS_AT_ONCE):
            few = wanted[key][start : start + _CHANNELS_AT_ONCE]
            for each, patch in zip(few, _patches(network, layer, fed, few, rule), strict=True):
                done[each.channel].append((each.rank, patch))
    lowest, highest = zip(*ranges, strict=True)
    value_range = np.min(lowest, axis=0), np.max(highest, axis=0)
    for channel in channels:
        ordered = tuple(patch for _, patch in sorted(done[channel], key=lambda pair: pair[0]))
        yield StrongestPatches(layer, channel, ordered, value_range)


def _wanted_by_image(ranking: Ranking, channels: Sequence[int], count: int | None) -> dict[str, list[_Wanted]]:
    """The patches that are wanted of each image, by its key."""
    wanted: dict[str, list[_Wanted]] = {}
    for channel in channels:
        for rank, image in enumerate(ranking.images[channel][:count]):
            if image != NOTHING:
                unit = tuple(map(int, ranking.units[channel, rank]))
                one = _Wanted(channel, rank, float(ranking.values[channel, rank]), unit)
                wanted.setdefault(ranking.keys[image], []).append(one)
    return wanted


def cut_out(network: Network, layer: Layer, image: np.ndarray, unit: tuple[int, ...]) -> tuple[Box, np.ndarray]:
    """Cut out what one unit of a layer sees of an image.

    Args:
        network: of the layer.
        layer: of the unit.
        image: (height, width, channels), or with other spatial axes.
        unit: its place; () in layers without spatial axes.

    Returns:
        (start, stop) of the receptive field along each axis, and a copy of its part within the image. Where every unit
        sees the whole image, these are the image.
    """
    sizes = image.shape[:-1]
    field = network.receptive_field(layer, sizes) if unit else None
    window = tuple(slice(0, size) for size in sizes) if field is None else field.window(unit)
    return tuple((axis.start, axis.stop) for axis in window), image[_inside(window, sizes)].copy()


def _inside(window: Sequence[slice], sizes: Sequence[int]) -> tuple[slice, ...]:
    """The part of a window that lies within an image."""
    return tuple(slice(max(0, axis.start), min(axis.stop, size)) for axis, size in zip(window, sizes, strict=True))


def _patches(network: Network, layer: Layer, fed: _Fed, few: Sequence[_Wanted], rule: str | None) -> list[Patch]:
    """Patches of one image."""
    image = network.runtime.layout.to_images(fed.feeds[network.runtime.image_tensor])[0].astype(np.float32)
    units, projections = [each.unit for each in few], None
    if rule is not None:
        projections = reconstruct(network, fed.feeds, layer, channels=[each.channel for each in few], rule=rule)
        units = [tuple(unit) for unit in projections.units[0].tolist()]  # of several at a ceiling, the strongest
    patches = []
    for index, (each, unit) in enumerate(zip(few, units, strict=True)):
        box, pixels = cut_out(network, layer, image, unit)
        patch = Patch(fed.key, each.value, unit, box, pixels, label=fed.label)
        if projections is not None:
            note = projections.notes[0][index] if projections.notes else ""
            seen = _inside([slice(*axis) for axis in box], image.shape[:-1])
            cut = projections.images[0, index][seen].copy()
            patch = replace(patch, projection=cut, rule=projections.rule, note=note)
        patches.append(patch)
    return patches
