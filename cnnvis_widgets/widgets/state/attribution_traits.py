"""How the parts of an image that speak for a class are found and drawn."""

from __future__ import annotations

from typing import Any

import traitlets as t

from ...errors import FeedError
from ...methods import of_kind
from .checked_traits import Checked

EXPLAINERS = tuple(method.name for method in of_kind("attribution"))


def _occluder(state: Any, value: Any) -> tuple[int, ...]:
    box = tuple(map(int, value or ()))
    if box and (len(box) != 4 or min(box[2:]) < 1):
        raise FeedError(f"Expected (left, top, width, height) in pixels, or (). Received: occluder={value!r}.")
    return box


class AttributionTraits(t.HasTraits):
    """Attributes:
    explained: the class: the 'best' one, which is most probable, or the 'chosen' one, ``target``.
    explainer: the method of attribution, one of ``EXPLAINERS``.
    at_layer: whether Grad-CAM weighs the maps of ``layer``, and occlusion follows its strongest map; else of the
        last layer before the scores that has places.
    opacity: of the attribution over the photo, 0 to 1.
    occluder: what is hidden by hand, (left, top, width, height) in pixels of the image, or () for nothing.
    square: the side of the hiding square as a part of the image's.
    """

    explained = t.Enum(("best", "chosen"), "best")
    explainer = t.Enum(EXPLAINERS, EXPLAINERS[0])
    at_layer = t.Bool(False)
    opacity = t.Float(0.8, min=0.0, max=1.0)
    occluder = Checked(_occluder, ())
    square = t.Float(1 / 7, min=0.02, max=0.9)
