"""What the card of a channel tells, computed part by part."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...engine.attribution.intervention import ResumedNetwork
from ...engine.reconstruction.reconstruct import reconstruct
from ...errors import CnnvisError
from ...results import FeatureMaps, Reconstruction
from ..jobs.computations import RESULTS, feature_maps, strongest_first
from ..state.fed_images import FedLayer
from ..state.questions import Question

NO_CLASSES = "This network tells no classes, labels or values."


@dataclass(frozen=True)
class CardRequest:
    """Which card is wanted.

    Attributes:
        fed_layer: the layer, fed one image.
        channel: its channel; ``None`` for the one with the largest activation.
        unit: the unit that is told; ``None`` for the strongest one of the map.
        rule: of the projection.
        question: the head, and the place of it, that is told about; ``None`` where there is none.
    """

    fed_layer: FedLayer
    channel: int | None
    unit: tuple[int, ...] | None
    rule: str
    question: Question | None


@dataclass(frozen=True, eq=False)
class CardFacts:
    """What is known of a channel so far. A part that is ``None`` is not computed yet, or ``reasons`` says why not.

    Attributes:
        fed_layer: the layer, fed one image.
        channel: its channel.
        maps: the activations of the layer.
        unit: the unit that is told; () in layers without places.
        projection: of that unit, alone.
        votes: how fast the score of each class rises with the channel, float32 (classes,).
        reasons: why the 'projection' or the 'votes' cannot be had.
    """

    fed_layer: FedLayer
    channel: int
    maps: FeatureMaps
    unit: tuple[int, ...]
    projection: Reconstruction | None = None
    votes: np.ndarray | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> np.ndarray:
        """The map of the channel."""
        values: np.ndarray = self.maps.values[0, ..., self.channel]
        return values

    @property
    def value(self) -> float:
        """The activation of the unit."""
        return float(self.values[self.unit])

    @property
    def complete(self) -> bool:
        """Whether every part is there, or its reason is."""
        parts = {"projection": self.projection, "votes": self.votes}
        return all(part is not None or name in self.reasons for name, part in parts.items())


def card_steps(request: CardRequest) -> Generator[CardFacts, None, None]:
    """Compute a card: the map first, then the projection of a unit, then the votes for all classes.

    A part that the network cannot give has a reason instead.

    Raises:
        CnnvisError: the layer cannot be computed.
    """
    maps = feature_maps(request.fed_layer)
    channel = strongest_first(maps)[0] if request.channel is None else request.channel
    values = maps.values[0, ..., channel]
    strongest = tuple(map(int, np.unravel_index(int(values.argmax()), values.shape)))
    unit = strongest if request.unit is None or len(request.unit) != values.ndim else request.unit
    facts = CardFacts(request.fed_layer, channel, maps, unit)
    yield facts
    facts = _with(facts, "projection", lambda: _projection(request, channel))
    if facts.projection is not None and request.unit is None and facts.projection.units.size:
        seeded = tuple(facts.projection.units[0, 0].tolist())  # of several at a ceiling, the strongest
        facts = replace(facts, unit=seeded if min(seeded, default=0) >= 0 else unit)
    yield facts
    yield _with(facts, "votes", lambda: _votes(request, channel))


def _with(facts: CardFacts, part: str, compute: Callable[[], Any]) -> CardFacts:
    try:
        value = compute()
    except CnnvisError as error:
        return replace(facts, reasons={**facts.reasons, part: str(error)})
    if isinstance(value, str):
        return replace(facts, reasons={**facts.reasons, part: value})
    changes: dict[str, Any] = {part: value}
    return replace(facts, **changes)


def _projection(request: CardRequest, channel: int) -> Reconstruction:
    network, feed, key, layer = request.fed_layer
    seed = request.unit or "strongest"
    about = network, key, layer, "card", channel, request.rule, seed
    projection: Reconstruction | None = RESULTS.get(about)
    if projection is None:
        projection = reconstruct(network, feed, layer, channels=[channel], rule=request.rule, seed=seed)
        RESULTS.put(about, projection, projection.images.nbytes)
    return projection


def _votes(request: CardRequest, channel: int) -> np.ndarray | str:
    network, feed, key, layer = request.fed_layer
    if request.question is None:
        return NO_CLASSES
    about = network, key, layer, "votes", request.question.scores, request.question.where
    resumed: ResumedNetwork | None = RESULTS.get(about)
    if resumed is None:
        asked = request.question
        resumed = ResumedNetwork(network, feed, layer, scores=asked.scores, target=asked.where)
        RESULTS.put(about, resumed, feature_maps(request.fed_layer).values.nbytes)  # it stores the layer
    votes: np.ndarray = resumed.evidence(channel)[0]
    return votes
