"""Sweeps as generators of progress: a square slides over the image, beside the projection of the followed map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...engine.attribution.occluder import Occluder
from ...engine.attribution.occlusion import occlusion_steps
from ...engine.reconstruction.reconstruct import reconstruct
from ...results import Layer, Occlusion, Reconstruction
from ..state.fed_images import FedLayer
from ..state.questions import Question
from .computations import RESULTS, Progress, Steps, feature_maps


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
