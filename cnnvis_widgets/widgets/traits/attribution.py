"""How the parts of an image that speak for a class are found and drawn."""

from __future__ import annotations

import traitlets as t

EXPLAINERS = ("grad_cam", "guided_grad_cam", "integrated_gradients", "smooth_grad")


class AttributionTraits(t.HasTraits):
    """Attributes:
    explained: the class: the 'best' one, which is most probable, or the 'chosen' one, ``target``.
    explainer: the method of attribution, one of ``EXPLAINERS``.
    at_layer: whether Grad-CAM weighs the maps of ``layer``, and occlusion follows its strongest map; else of the
        last layer before the scores that has places.
    opacity: of the attribution over the photo, 0 to 1.
    square: the side of the hiding square as a part of the image's.
    """

    explained = t.Enum(("best", "chosen"), "best")
    explainer = t.Enum(EXPLAINERS, EXPLAINERS[0])
    at_layer = t.Bool(False)
    opacity = t.Float(0.8, min=0.0, max=1.0)
    square = t.Float(1 / 7, min=0.02, max=0.9)
