"""How the selected map is changed on its way to the classes."""

from __future__ import annotations

from typing import Any

import traitlets as t

from ...errors import ChannelError
from .checked_traits import Checked


def _region(state: Any, value: Any) -> tuple[int, ...]:
    region = tuple(map(int, value or ()))
    sizes = state.current_layer.spatial_shape
    fits = len(region) == 4 and len(sizes) == 2 and min(region) >= 0 and min(region[2:]) >= 1
    limits = [size or 2**31 for size in sizes]
    if region and not (fits and region[0] + region[2] <= limits[0] and region[1] + region[3] <= limits[1]):
        shape = " × ".join("?" if size is None else str(size) for size in sizes) or "one value"
        raise ChannelError(
            f"Expected (top, left, height, width) within a map of {state.layer!r}, which is {shape}, or (). "
            f"Received: region={value!r}."
        )
    return region


class InterventionTraits(t.HasTraits):
    """Attributes:
    factor: what the selected map is multiplied by, 0 (silent) to 2.
    region: (top, left, height, width) in the map where that holds, or () for everywhere; changing ``layer`` makes
        it ().
    """

    factor = t.Float(1.0, min=0.0, max=2.0)
    region = Checked(_region, ())
