"""What the explorer computes, as generators of progress; a ``Job`` consumes them.

Each takes what it needs as values, read from the state when the job is begun: by the time the
generator runs, in another thread, the state may say something else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from threading import Event, RLock
from typing import Any

import numpy as np

from ...caches import LRUCache
from ...engine.activations import maps_with_neighbours
from ...engine.attribution.method_wall import method_wall_steps
from ...engine.attribution.occluder import Occluder
from ...engine.attribution.occlusion import occlusion_steps
from ...engine.attribution.predictions import channel_evidence
from ...engine.dreaming.dream import dream_with
from ...engine.dreaming.options import DreamOptions
from ...engine.dreaming.steering import DreamControls
from ...engine.network.loading import load
from ...engine.network.network import Network
from ...engine.reconstruction.reconstruct import reconstruct, reconstruct_steps
from ...errors import CnnvisError
from ...methods import METHODS
from ...results import FeatureMaps, Layer, MethodWall, Occlusion, Reconstruction, Target
from ..saving.film import Film
from ..state.fed_images import FedLayer
from ..state.questions import Question
from . import jobs

_PAUSE = 0.1  # seconds between two looks at whether a paused job is cancelled

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


@dataclass(frozen=True)
class DreamTarget:
    """What a dream is made for, and how.

    Attributes:
        layer: the name of the layer.
        channel: a map; ``None`` for the one with the largest activation.
        whole: whether the dream is of the whole layer; there is no channel then.
        options: of the dream.
        question: the class that is dreamt of, instead of a map.
    """

    layer: str
    channel: int | None
    whole: bool
    options: DreamOptions
    question: Question | None = None

    def arguments(self, channel: int | None) -> tuple[str | None, Target | int | None]:
        """What the dream is made for, as ``dream`` takes it: of a head or of a layer."""
        return (self.layer, channel) if self.question is None else (self.question.scores, self.question.target)


@dataclass(frozen=True)
class DreamHandles:
    """How the explorer follows and steers a running dream.

    Attributes:
        film: takes every step.
        going: not set while the dream is paused.
        controls: steers the dream.
    """

    film: Film
    going: Event
    controls: DreamControls


def before_dreaming(fed_layer: FedLayer, target: DreamTarget) -> Steps:
    """The maps to choose from and, while the user looks at them, one hidden step of a dream.

    The functions compiled for it serve every class and map, so the next dream shows its first step at once.
    """
    for maps in browse(fed_layer):
        yield replace(maps, done=0)
        kind = target.layer, target.whole, target.options.start
        with suppress(CnnvisError):  # raised again when a dream is begun; another channel may well have a gradient
            fed_layer.network.runtime.cache.get_or_make(
                ("before dreaming", *kind), partial(_compile, fed_layer, target)
            )
        yield maps


def _compile(fed_layer: FedLayer, target: DreamTarget) -> None:
    channel = None if target.whole else target.channel or 0
    next(dream_with(load(fed_layer.network, fed_layer.feed), *target.arguments(channel), target.options))


def dreaming(fed_layer: FedLayer, target: DreamTarget, handles: DreamHandles) -> Steps:
    """The steps of a dream of ``target.layer``, which is the layer of ``fed_layer``.

    A paused dream yields its last step again, a few times a second, so that the job can be cancelled. An undo needs no
    waiting: the first step of the octave follows at once.
    """
    network, feed, key, layer = fed_layer
    channel = target.channel
    if channel is None and not target.whole and target.question is None:
        channel = strongest_first(feature_maps(fed_layer))[0]
    channels = () if channel is None else (channel,)
    loaded, controls = load(network, feed), handles.controls
    for step in dream_with(loaded, *target.arguments(channel), target.options, controls=controls):
        handles.film.add(step)
        progress = Progress(step, layer, channels, (key, layer, channel), step.index + 1, step.total)
        yield progress
        while not (_goes_on(handles.going) or controls.undoing):
            yield progress


def _goes_on(going: Event) -> bool:
    """Whether a dream is not paused; a paused one waits a moment, in which other explorers compute."""
    if going.is_set():
        return True
    with jobs.TURNS.resting():
        return going.wait(_PAUSE)


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


@dataclass(frozen=True)
class SweepTarget:
    """What a square is slid over an image for.

    Attributes:
        size: of the square in pixels, along each axis of the image.
        question: the class that is asked about.
        at_layer: whether the strongest map of the chosen layer is followed, instead of the last one before the scores.
        rule: of the projection of that map.
    """

    size: tuple[int, ...]
    question: Question
    at_layer: bool
    rule: str

    def about(self, fed_layer: FedLayer) -> Any:
        """Under this the finished sweep is cached; the rule changes the projection alone."""
        network, _, key, layer = fed_layer
        return network, key, layer if self.at_layer else None, "sweep", self.size, self.question


def is_swept(fed_layer: FedLayer, target: SweepTarget) -> bool:
    """Whether the sweep is cached."""
    return RESULTS.get(target.about(fed_layer)) is not None


def before_sweeping(fed_layer: FedLayer, target: SweepTarget) -> Steps:
    """The projection of the map that a sweep would follow; the feature maps of the layer, where it follows none."""
    network, feed, _, layer = fed_layer
    asked, followed = target.question, layer if target.at_layer else None
    occluder = Occluder(network, feed, layer=followed, scores=asked.scores, target=asked.where)
    if occluder.maps is None or occluder.channel is None:
        yield Progress(feature_maps(fed_layer), layer)
    else:
        yield Progress(_projection(fed_layer, occluder.maps, occluder.channel, target.rule), layer)


def sweep(fed_layer: FedLayer, target: SweepTarget) -> Steps:
    """The projection of the strongest map by a rule, if there are maps, then a square slid over the image.

    Together they are the panels of figure 7 of Zeiler and Fergus.
    """
    network, feed, _, layer = fed_layer
    about = target.about(fed_layer)
    cached: Occlusion | None = RESULTS.get(about)
    if cached is not None:
        if cached.maps is not None:
            channel = int(cached.map_channels[0])
            yield Progress(_projection(fed_layer, cached.maps, channel, target.rule), layer, about=about, done=0)
        yield Progress(cached, layer, about=about)
        return
    asked, followed = target.question, layer if target.at_layer else None
    for result in occlusion_steps(network, feed, asked.target, size=target.size, layer=followed, **asked.options):
        if result.index == 0 and result.maps is not None:
            projection = _projection(fed_layer, result.maps, int(result.map_channels[0]), target.rule)
            yield Progress(projection, layer, about=about, done=0, total=result.total)
        yield Progress(result, layer, about=about, done=result.index + 1, total=result.total)
    RESULTS.put(about, result, result.attribution.images.nbytes + result.scores.nbytes)


def _projection(fed_layer: FedLayer, layer: Layer, channel: int, rule: str) -> Reconstruction:
    """The projection of a map by a rule."""
    network, feed, key, _ = fed_layer
    about = network, key, layer, channel, "projection", rule
    projection: Reconstruction | None = RESULTS.get(about)
    if projection is None:
        projection = reconstruct(network, feed, layer, channels=[channel], rule=rule)
        RESULTS.put(about, projection, projection.images.nbytes)
    return projection
