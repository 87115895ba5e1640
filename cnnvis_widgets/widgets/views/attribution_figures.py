"""Figures that tell a good attribution from a nice one, below a picture: areas of two curves, class sensitivity."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.attribution.method_wall import method_wall
from ...errors import CnnvisError
from ...outputs.walls import area_words
from ...results import WallTile
from ..elements.badges import Fact, marks
from ..elements.controls import text
from ..jobs.computations import RESULTS
from ..state.fed_images import FedLayer
from ..state.questions import Question
from .class_sensitivity import HIGH

_TOOLTIP = (
    "Deletion area: under the curve of the class while pixels are removed, the most important ones first; smaller is "
    "better. Insertion area: while they are put into the blurred image; larger is better. Class sensitivity: "
    "correlation with the picture of the best other class; near 1 the picture hardly depends on the class"
)


def measure_attribution(fed_layer: FedLayer, method: str, question: Question, at_layer: bool) -> WallTile | CnnvisError:
    """Measure one attribution method on an image, for a class.

    Returns:
        The result; the error where there is none.
    """
    network, feed, key, layer = fed_layer
    options: dict[str, Any] = {"layer": layer} if at_layer else {}
    about = network, key, "figures", method, question, options.get("layer")
    tile: WallTile | CnnvisError | None = RESULTS.get(about)
    if tile is None:
        try:
            wall = method_wall(network, feed, question.target, methods=[method], **options, **question.options)
            tile = wall.tiles[0]
        except CnnvisError as error:
            tile = error
        drawn = None if isinstance(tile, CnnvisError) else tile.attribution
        RESULTS.put(about, tile, 1000 if drawn is None else drawn.images.nbytes)
    return tile


def figures_badge(tile: WallTile | CnnvisError) -> str:
    """HTML of a badge with the figures, or of the reason why there are none."""
    if isinstance(tile, CnnvisError):
        return text(f"No figures: {tile}")
    return text(f"No figures: {tile.refusal}") if tile.refusal else marks(figures(tile), _TOOLTIP)


def figures(tile: WallTile) -> list[Fact]:
    """Time, areas and class sensitivity of a method that applies."""
    curves = [curve for curve in (tile.deletion, tile.insertion) if curve is not None]
    similar = (
        "no class sensitivity: no other class, or an empty picture"
        if np.isnan(tile.sensitivity)
        else f"class sensitivity {tile.sensitivity:.2f}"
    )
    return [
        (f"{tile.seconds:.2g} s", False),
        *((area_words(curve), False) for curve in curves),
        (similar, bool(tile.sensitivity >= HIGH)),
    ]
