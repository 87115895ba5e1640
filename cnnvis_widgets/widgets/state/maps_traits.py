"""In which order feature maps are shown, and how bright."""

from __future__ import annotations

from typing import Any

import traitlets as t

from ...errors import ChannelError
from .checked_traits import Checked, index_of

ORDERS = ("number", "strength", "evidence")
SCALES = ("layer", "map", "fixed")


def _pins(state: Any, value: Any) -> tuple[int, ...]:
    count = state.current_layer.channels or 2**31
    what = f"a channel of {state.layer!r}"
    return tuple(dict.fromkeys(index_of(each, (), count, what, ChannelError) for each in value))


class MapTraits(t.HasTraits):
    """Attributes:
    order: feature maps come by 'number', by 'strength' (the largest activation) or by 'evidence' for the class
        ``target``, see ``channel_evidence``.
    pins: maps that come first in every order; changing ``layer`` takes them away.
    scale: full brightness is the largest value of the 'layer' or of each 'map', or 'fixed' to ``limit``.
    limit: the value of full brightness where it is fixed.
    """

    order = t.Enum(ORDERS, ORDERS[0])
    pins = Checked(_pins, ())
    scale = t.Enum(SCALES, SCALES[0])
    limit = t.Float(1.0, min=1e-6)
