"""What a dream climbs, from where and for how long."""

from __future__ import annotations

from typing import Any

import traitlets as t

from ...errors import LayerError
from .checked import Checked

STARTS = ("noise", "photo")


def _climb(state: Any, value: Any) -> str:
    choices = ("class", "channel") if state.classes else ("channel",)
    if value not in choices:
        raise LayerError(
            f"Expected what to climb, one of {', '.join(map(repr, choices))}. Received: climb={value!r}."
        )
    return value


class DreamTraits(t.HasTraits):
    """Attributes:
    climb: a dream climbs a 'class' of the class scores, or a 'channel' of ``layer``.
    start: a dream begins from 'noise' or from the 'photo'.
    octaves, steps: of the dream: scales, and steps at each.
    """

    climb = Checked(_climb)
    start = t.Enum(STARTS, STARTS[0])
    octaves = t.Int(4, min=1, max=8)
    steps = t.Int(32, min=1, max=1000)

    @t.default("climb")
    def _climb_class(self) -> str:
        return "class" if getattr(self, "classes", ()) else "channel"
