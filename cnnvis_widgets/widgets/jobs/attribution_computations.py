"""What the views of attribution and occlusion compute, as generators of progress (see ``work``)."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ...engine.attribution.occlusion import occlusion_steps
from ...engine.attribution.predictions import predict
from ...engine.reconstruction.reconstruct import reconstruct
from ...methods import METHODS
from ...results import Layer, Occlusion, Reconstruction
from .computations import RESULTS, Progress

if TYPE_CHECKING:
    from ...engine.network.network import Network


def explain(
    network: Network, feed: Any, key: Any, layer: str, *, explainer: str, target: int | None, at_layer: bool
) -> Generator[Progress, None, None]:
    """What speaks for a class, the most probable one if ``target`` is None."""
    about = network, key, layer if at_layer else None, explainer, target
    kept = RESULTS.get(about)
    if kept is not None:
        yield Progress(kept, layer, about=about)
        return
    if target is None:
        target = predict(network, feed).top(1)[0][0]
    options = {"layer": layer} if at_layer else {}
    for result in METHODS[explainer].run(network, feed, target, **options):
        yield Progress(result, layer, about=about, done=result.index + 1, total=result.total)
    RESULTS.put(about, result, result.images.nbytes)


def sweep(
    network: Network,
    feed: Any,
    key: Any,
    layer: str,
    *,
    size: tuple[int, ...],
    target: int | None,
    at_layer: bool,
    rule: str,
) -> Generator[Progress, None, None]:
    """The projection of the strongest map by a rule, if there are maps, then a square slid over the image.

    Together they are the panels of figure 7 of Zeiler and Fergus.
    """
    about = network, key, layer if at_layer else None, "sweep", size, target
    kept: Occlusion | None = RESULTS.get(about)
    if kept is not None:
        if kept.maps is not None:
            projection = _projection(network, feed, key, kept.maps, int(kept.map_channels[0]), rule)
            yield Progress(projection, layer, about=about, done=0)
        yield Progress(kept, layer, about=about)
        return
    if target is None:
        target = predict(network, feed).top(1)[0][0]
    for result in occlusion_steps(network, feed, target, size=size, layer=layer if at_layer else None):
        if result.index == 0 and result.maps is not None:
            projection = _projection(network, feed, key, result.maps, int(result.map_channels[0]), rule)
            yield Progress(projection, layer, about=about, done=0, total=result.total)
        yield Progress(result, layer, about=about, done=result.index + 1, total=result.total)
    RESULTS.put(about, result, result.attribution.images.nbytes + result.scores.nbytes)


def _projection(network: Network, feed: Any, key: Any, layer: Layer, channel: int, rule: str) -> Reconstruction:
    about = network, key, layer, channel, "projection", rule
    kept: Reconstruction | None = RESULTS.get(about)
    if kept is None:
        kept = reconstruct(network, feed, layer, channels=[channel], rule=rule)
        RESULTS.put(about, kept, kept.images.nbytes)
    return kept
