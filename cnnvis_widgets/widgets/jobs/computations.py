"""What the explorer computes, as generators of progress; a ``Job`` consumes them. See also ``dreams`` and ``sweeps``.

Each takes what it needs as values, read from the state when the job is begun: by the time the
generator runs, in another thread, the state may say something else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

import numpy as np

from ...caches import LRUCache
from ...engine.activations import maps_with_neighbours
from ...engine.attribution.method_wall import method_wall_steps
from ...engine.attribution.predictions import channel_evidence
from ...engine.network.network import Network
from ...engine.reconstruction.reconstruct import reconstruct_steps
from ...methods import METHODS
from ...results import FeatureMaps, MethodWall, Reconstruction
from ..state.fed_images import FedLayer
from ..state.questions import Question

STRONGEST = 64
"""How many channels of a layer are reconstructed: the ones with the largest activations."""

RESULTS: LRUCache[Any] = LRUCache(96_000_000)
"""Results by what was computed, up to a number of bytes: the feature maps of an image at all layers of the embedded
network are 79 MB.

Every explorer of the process shares the cache."""

_COMPUTING_MAPS = RLock()


@dataclass(frozen=True)
class Progress:
    """One step of the work: all results so far.

    Attributes:
        result: what was computed so far.
        layer: name of the chosen layer. The result may be of another one: a softmax is replaced by the scores before
            it.
        channels: the channels that will be shown at the end, in order.
        about: equal for steps whose results add to each other.
        done, total: how many parts of the work are done, and how many there are.
    """

    result: Any
    layer: str
    channels: Sequence[int] = ()
    about: Any = None
    done: int = 1
    total: int = 1


Steps = Generator[Progress, None, None]


def strongest_first(maps: FeatureMaps) -> list[int]:
    """The channels of the first image's maps in falling order of their largest activation."""
    return [int(channel) for channel in np.argsort(-maps.strengths[0], kind="stable")]


def forget_results(network: Network) -> None:
    """Drop all results of a network, which they would keep alive."""
    RESULTS.drop_where(lambda about: any(part is network for part in about))


def feature_maps(fed_layer: FedLayer) -> FeatureMaps:
    """The activations of a layer. They are cached, together with the activations of the neighbouring layers.

    The view and the film strip ask for the same maps at the same time; the second one waits for those of the first.
    """
    network, feed, key, layer = fed_layer
    with _COMPUTING_MAPS:
        cached: FeatureMaps | None = RESULTS.get((network, key, layer))
        if cached is not None:
            return cached
        by_name = {maps.layer.name: maps for maps in maps_with_neighbours(network, feed, layer)}
        for name, maps in by_name.items():
            RESULTS.put((network, key, name), maps, maps.values.nbytes)
        return by_name[network.layer(layer).name]


def browse(
    fed_layer: FedLayer,
    *,
    order: str = "number",
    question: Question | None = None,
    pins: Sequence[int] = (),
    ranking: Callable[[], np.ndarray] | None = None,
) -> Steps:
    """The feature maps of a layer, in one of the orders of ``ActivationsTraits``; ``pins`` come first.

    ``ranking`` gives a number for each channel; those with the largest come first.
    """
    layer, key = fed_layer.layer, fed_layer.key
    maps = feature_maps(fed_layer)
    channels: Sequence[int] = range(maps.values.shape[-1])
    if order == "strength":
        channels = strongest_first(maps)
    elif order == "evidence" and question is not None:
        # stays on the screen where the layer does not lead to the classes
        yield Progress(maps, layer, channels, (key, layer), 0)
        channels = np.argsort(-_evidence(fed_layer, question), kind="stable").tolist()
    elif ranking is not None:
        yield Progress(maps, layer, channels, (key, layer), 0)  # stays on the screen where nothing is surveyed
        channels = np.argsort(-ranking(), kind="stable").tolist()
    channels = [*pins, *(channel for channel in channels if channel not in pins)]
    yield Progress(maps, layer, channels, (key, layer, tuple(channels)))


def _evidence(fed_layer: FedLayer, question: Question) -> np.ndarray:
    network, feed, key, layer = fed_layer
    about = (network, key, layer, "evidence", question)
    evidence = RESULTS.get(about)
    if evidence is None:
        (evidence,) = channel_evidence(network, feed, layer, question.target, **question.options)
        RESULTS.put(about, evidence, evidence.nbytes)
    return np.asarray(evidence)


def deconvolve(fed_layer: FedLayer, *, channel: int | None, rule: str, seed: str | tuple[int, ...]) -> Steps:
    """The feature maps, then the reconstructions of ``channel`` and the strongest maps.

    Where the seed is one unit, the reconstruction of ``channel`` comes first, and alone.
    """
    network, feed, key, layer = fed_layer
    maps = feature_maps(fed_layer)
    about = (network, key, layer, rule, seed)
    cached = RESULTS.get(about)
    if cached is not None and channel in (None, *cached.channels):
        yield Progress(cached, layer, cached.channels, about)
        return
    channels = strongest_first(maps)[:STRONGEST]
    if channel is not None and (channel not in channels or isinstance(seed, tuple)):
        channels = [channel, *(other for other in channels if other != channel)][:STRONGEST]
    alone = 1 if channel is not None and isinstance(seed, tuple) else 0
    if not alone:
        yield Progress(maps, layer, channels, (key, layer), 0)
    chunks: list[Reconstruction] = []
    for part_of_channels in filter(None, (channels[:alone], channels[alone:])):
        for chunk in reconstruct_steps(network, feed, layer, channels=part_of_channels, rule=rule, seed=seed):
            chunks.append(chunk)
            result = joined(chunks)
            added, done = (about, tuple(channels), len(chunks) > alone), len(result.channels)
            yield Progress(result, layer, channels, added, done, len(channels))
    RESULTS.put(about, result, result.images.nbytes)


def joined(chunks: Sequence[Reconstruction]) -> Reconstruction:
    """Reconstructions of different channels of one layer as one."""
    return replace(
        chunks[0],
        images=np.concatenate([chunk.images for chunk in chunks], axis=1),
        channels=tuple(channel for chunk in chunks for channel in chunk.channels),
        units=np.concatenate([chunk.units for chunk in chunks], axis=1),
        seed_values=np.concatenate([chunk.seed_values for chunk in chunks], axis=1),
        notes=tuple(sum(rows, ()) for rows in zip(*(chunk.notes for chunk in chunks), strict=True)),
        next_units=tuple(sum(rows, ()) for rows in zip(*(chunk.next_units for chunk in chunks), strict=True)),
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
        notes=tuple(tuple(row[place] for place in places) for row in reconstruction.notes),
        next_units=tuple(tuple(row[place] for place in places) for row in reconstruction.next_units),
    )


def explain(fed_layer: FedLayer, *, explainer: str, question: Question, options: Mapping[str, Any]) -> Steps:
    """The attribution of a class; ``options`` are further keywords of the method."""
    network, feed, key, layer = fed_layer
    about = network, key, explainer, question, tuple(options.items())
    cached = RESULTS.get(about)
    if cached is not None:
        yield Progress(cached, layer, about=about)
        return
    for result in METHODS[explainer].run(network, feed, question.target, **options, **question.options):
        yield Progress(result, layer, about=about, done=result.index + 1, total=result.total)
    RESULTS.put(about, result, result.images.nbytes)


@dataclass(frozen=True)
class AttentionWay:
    """Which attention is computed, and from which token.

    Attributes:
        method: its row in the table of methods.
        attention: the name of the attention, for the method that shows one.
        query: the token that attends; see ``attention_maps``.
        question: the class that is asked about, for the method that has one.
        layers: the attentions that the other methods go through; () for all.
    """

    method: str
    attention: str
    query: Any
    question: Question
    layers: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What follows network and feed in a call."""
        positional = {"attention_maps": (self.attention,), "attention_relevance": (self.question.target,)}
        return positional.get(self.method, ())

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of a call."""
        asked = self.question.options if self.method == "attention_relevance" else {}
        several = {"layers": self.layers} if self.layers and self.method != "attention_maps" else {}
        return {"query": self.query, **several, **asked}


def attend(fed_layer: FedLayer, way: AttentionWay) -> Steps:
    """Where a token attends to."""
    network, feed, key, layer = fed_layer
    about = network, key, way.method, way.arguments, tuple(way.options.items())
    result = RESULTS.get(about)
    if result is None:
        *_, result = METHODS[way.method].run(network, feed, *way.arguments, **way.options)
        RESULTS.put(about, result, result.weights.nbytes)
    yield Progress(result, layer, about=about)


def wall(fed_layer: FedLayer, *, question: Question, at_layer: bool) -> Steps:
    """The attributions of a class by every method, one after another."""
    network, feed, key, layer = fed_layer
    options: dict[str, Any] = {"layer": layer} if at_layer else {}
    about = network, key, options.get("layer"), "wall", question
    cached: MethodWall | None = RESULTS.get(about)
    if cached is not None:
        yield Progress(cached, layer, about=about)
        return
    for result in method_wall_steps(network, feed, question.target, **options, **question.options):
        yield Progress(result, layer, about=about, done=len(result.tiles), total=result.total)
    attributions = [tile.attribution for tile in result.tiles if tile.attribution is not None]
    RESULTS.put(about, result, sum(attribution.images.nbytes for attribution in attributions))
