"""Dreams as generators of progress: they are followed, steered and paused while they grow."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

from ...engine.dreaming.dream import dream_with
from ...engine.dreaming.options import DreamOptions
from ...engine.dreaming.steering import DreamControls
from ...engine.network.loading import load
from ...errors import CnnvisError
from ...results import Target
from ..saving.film import Film
from ..state.fed_images import FedLayer
from ..state.questions import Question
from . import jobs
from .computations import Progress, Steps, browse, feature_maps, strongest_first

_PAUSE = 0.1  # seconds between two looks at whether a paused job is cancelled


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
