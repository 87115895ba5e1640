"""What the selected map is compared with."""

from __future__ import annotations

from typing import Any

import traitlets as t

from ...errors import FeedError
from .checked_traits import Checked, index_of

VERSUS = ("image", "layer", "network")


def _image(state: Any, value: Any) -> int:
    return index_of(value, state.images, len(state.images), "an image", FeedError)


def _layer(state: Any, value: Any) -> str:
    return str(state.network.layer(value).name)


class ComparisonTraits(t.HasTraits):
    """Attributes:
    versus: the map is compared with that of another 'image', another 'layer' or another 'network'.
    other_image, other_layer: which; the network is given to ``ModelExplorer.compare_with``.
    """

    versus = t.Enum(VERSUS, VERSUS[0])
    other_image = Checked(_image, 0)
    other_layer = Checked(_layer)

    @t.default("other_image")
    def _second_image(self) -> int:
        return min(1, len(getattr(self, "images", ())) - 1)

    @t.default("other_layer")
    def _same_layer(self) -> str:
        return str(getattr(self, "layer", ""))
