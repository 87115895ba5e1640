"""How a reconstruction is made."""

from __future__ import annotations

from typing import Any

import traitlets as t

from ...engine.backward import rules
from .checked_traits import Checked

SEEDS = ("strongest", "unit", "map", "ones")


def _rule(state: Any, value: Any) -> str:
    rules.require_rule(value)  # not an Enum: more may be registered at any time
    return str(value)


class DeconvolutionTraits(t.HasTraits):
    """Attributes:
    rule, seed: of the deconvolution, see ``cnnvis_widgets.reconstruct``; seed 'unit' is the selected
        ``unit``, and the strongest one where none is selected. The rule is also that of the projection beside an
        occlusion sweep.
    all_rules: whether the selected map is also shown by every rule, side by side.
    """

    rule = Checked(_rule, rules.known()[0])
    seed = t.Enum(SEEDS, SEEDS[0])
    all_rules = t.Bool(False)
