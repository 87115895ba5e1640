"""What the explorer computes, as generators of progress; a ``Job`` consumes them.

Each takes what it needs as values, read from the state when the job is begun: by the time the
generator runs, in another thread, the state may say something else.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from ...caches import LRUCache
from ...engine.attribution.predictions import channel_evidence
from ...engine.dreaming.controls import DreamControls
from ...engine.dreaming.dream import dream
from ...engine.neighbours import maps_around
from ...engine.reconstruction.reconstruct import reconstruct_steps
from ...errors import CnnvisError
from ...results import DreamStep, FeatureMaps, Reconstruction
from ..saving.film import Film

if TYPE_CHECKING:
    from ...engine.network.network import Network

_PAUSE = 0.1  # seconds between two looks at whether a paused job is cancelled

STRONGEST = 64
"""How many channels of a layer are reconstructed: the ones that fire most."""


@dataclass(frozen=True)
class Progress:
    """One step of the work: all results so far, and how far it is.

    ``layer`` is the one asked for, which need not be the result's: a softmax is replaced by the
    scores before it. ``channels`` are those that will be shown at the end, in order, and ``about``
    is equal for steps that add to each other.
    """

    result: Any
    layer: str
    channels: Sequence[int] = ()
    about: Any = None
    done: int = 1
    total: int = 1


RESULTS: LRUCache[Any] = LRUCache(96_000_000)
"""The feature maps of an image at all layers of the embedded network are 79 MB.

Shared by every explorer in the process, as explorers of cells run again are never freed."""


def strongest_first(maps: FeatureMaps) -> list[int]:
    """The channels of the first image's maps in falling order of their largest activation."""
    return [int(channel) for channel in np.argsort(-maps.strengths[0], kind="stable")]


def feature_maps(network: Network, feed: Any, key: Any, layer: str) -> FeatureMaps:
    """The activations of a layer, from the cache where they are there. ``key`` names the feed.

    Those of its neighbours come into the cache, too.
    """
    kept: FeatureMaps | None = RESULTS.get((network, key, layer))
    if kept is not None:
        return kept
    found = {maps.layer.name: maps for maps in maps_around(network, feed, layer)}
    for name, maps in found.items():
        RESULTS.put((network, key, name), maps, maps.values.nbytes)
    return found[network.layer(layer).name]


def browse(
    network: Network,
    feed: Any,
    key: Any,
    layer: str,
    *,
    order: str = "number",
    target: int = 0,
    pins: Sequence[int] = (),
) -> Generator[Progress, None, None]:
    """The feature maps of a layer, in one of the orders of ``MapTraits``; ``pins`` come first."""
    maps = feature_maps(network, feed, key, layer)
    channels: Sequence[int] = range(maps.values.shape[-1])
    if order == "strength":
        channels = strongest_first(maps)
    elif order == "evidence":
        yield Progress(maps, layer, channels, (key, layer), 0)  # stays, where the layer does not lead to the classes
        channels = np.argsort(-_evidence(network, feed, key, layer, target), kind="stable").tolist()
    channels = [*pins, *(each for each in channels if each not in pins)]
    yield Progress(maps, layer, channels, (key, layer, tuple(channels)))


def _evidence(network: Network, feed: Any, key: Any, layer: str, target: int) -> np.ndarray:
    where = (network, key, layer, "evidence", target)
    evidence = RESULTS.get(where)
    if evidence is None:
        (evidence,) = channel_evidence(network, feed, layer, target)
        RESULTS.put(where, evidence, evidence.nbytes)
    return np.asarray(evidence)


def deconvolve(
    network: Network, feed: Any, key: Any, layer: str, *, channel: int | None, rule: str, seed: str | tuple[int, ...]
) -> Generator[Progress, None, None]:
    """The feature maps, then the reconstructions of ``channel`` and the strongest maps.

    Where the seed is one unit, that of ``channel`` comes before all else, and alone.
    """
    maps = feature_maps(network, feed, key, layer)
    where = (network, key, layer, rule, seed)
    kept = RESULTS.get(where)
    if kept is not None and channel in (None, *kept.channels):
        yield Progress(kept, layer, kept.channels, where)
        return
    channels = strongest_first(maps)[:STRONGEST]
    if channel is not None and (channel not in channels or isinstance(seed, tuple)):
        channels = [channel, *(each for each in channels if each != channel)][:STRONGEST]
    first = 1 if channel is not None and isinstance(seed, tuple) else 0
    if not first:
        yield Progress(maps, layer, channels, (key, layer), 0)
    chunks: list[Reconstruction] = []
    for some in filter(None, (channels[:first], channels[first:])):
        for chunk in reconstruct_steps(network, feed, layer, channels=some, rule=rule, seed=seed):
            chunks.append(chunk)
            result = joined(chunks)
            about, done = (where, tuple(channels), len(chunks) > first), len(result.channels)
            yield Progress(result, layer, channels, about, done, len(channels))
    RESULTS.put(where, result, result.images.nbytes)


def joined(chunks: Sequence[Reconstruction]) -> Reconstruction:
    """Reconstructions of different channels of one layer as one."""
    return replace(
        chunks[0],
        images=np.concatenate([chunk.images for chunk in chunks], axis=1),
        channels=tuple(channel for chunk in chunks for channel in chunk.channels),
        units=np.concatenate([chunk.units for chunk in chunks], axis=1),
        seed_values=np.concatenate([chunk.seed_values for chunk in chunks], axis=1),
    )


def part(reconstruction: Reconstruction, channels: Sequence[int]) -> Reconstruction:
    """The reconstructions of some of the channels."""
    places = [reconstruction.channels.index(channel) for channel in channels]
    return replace(
        reconstruction,
        images=reconstruction.images[:, places],
        channels=tuple(channels),
        units=reconstruction.units[:, places],
        seed_values=reconstruction.seed_values[:, places],
    )


def before_dreaming(
    network: Network, feed: Any, key: Any, layer: str, climbed: str, **options: Any
) -> Generator[Progress, None, None]:
    """The maps to choose from and, while they are looked at, one step of a dream of layer ``climbed`` that nobody sees.

    What is compiled for it serves every class and map: the dream that is begun next shows its first step at once.
    """
    for maps in browse(network, feed, key, layer):
        yield replace(maps, done=0)
        kind = climbed, options["channels"] is None, options.get("start")
        with suppress(CnnvisError):  # told when a dream is begun; another channel may well have a gradient
            network.runtime.cache.get_or_make(
                ("before dreaming", *kind), lambda: _compile(dream(network, feed, climbed, **options))
            )
        yield maps


def _compile(steps: Iterator[DreamStep]) -> None:
    next(steps)


def dreaming(
    network: Network,
    feed: Any,
    key: Any,
    layer: str,
    *,
    channel: int | None,
    whole: bool,
    film: Film,
    going: Event,
    controls: DreamControls,
    **options: Any,
) -> Generator[Progress, None, None]:
    """The steps of a dream of one channel, the strongest if it is None, or of the ``whole`` layer.

    Each comes into ``film``. While ``going`` is not set the last one is given again, a few times a second, so that
    the job can be cancelled; an undo is seen at once, by the first step of the octave.
    """
    if whole:
        channel = None
    elif channel is None:
        channel = strongest_first(feature_maps(network, feed, key, layer))[0]
    shown = () if channel is None else (channel,)
    for step in dream(network, feed, layer, channel, controls=controls, **options):
        film.add(step)
        progress = Progress(step, layer, shown, (key, layer, channel), step.index + 1, step.total)
        yield progress
        while not (going.wait(_PAUSE) or controls.undoing):
            yield progress
