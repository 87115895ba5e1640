"""What a dream climbs, from where and for how long."""

from __future__ import annotations

from typing import Any

import traitlets as t

from ...errors import LayerError
from .checked_traits import Checked

CLIMBS = ("class", "channel", "layer")
STARTS = ("noise", "photo")


def _climb(state: Any, value: Any) -> str:
    choices = CLIMBS if state.classes else CLIMBS[1:]
    if value not in choices:
        raise LayerError(f"Expected what to climb, one of {', '.join(map(repr, choices))}. Received: climb={value!r}.")
    return value


class DreamTraits(t.HasTraits):
    """Attributes:
    climb: a dream climbs a 'class' of the class scores, a 'channel' of ``layer``, or whatever is active in all of
        the 'layer'.
    start: a dream begins from 'noise' or from the 'photo'.
    octaves, steps: of the dream: scales, and steps at each; taken up by a running dream.
    pace: how far a step moves, in parts of the usual; taken up by a running dream.
    strength: how much of a dream on the photo is mixed into it; taken up by a running dream.
    paused: whether the running dream waits.
    """

    climb = Checked(_climb)
    start = t.Enum(STARTS, STARTS[0])
    octaves = t.Int(4, min=1, max=8)
    steps = t.Int(32, min=1, max=1000)
    pace = t.Float(1.0, min=0.0, max=4.0)
    strength = t.Float(1.0, min=0.0, max=1.0)
    paused = t.Bool(False).tag(report=True)

    @t.default("climb")
    def _climb_class(self) -> str:
        return "class" if getattr(self, "classes", ()) else "channel"
