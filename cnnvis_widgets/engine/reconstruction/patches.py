"""Patches of the image put back where they belong."""

from __future__ import annotations

import numpy as np

from ..ops.windows import ReceptiveField


def lay_patches(patches: np.ndarray, field: ReceptiveField, units: np.ndarray, pictures: np.ndarray) -> None:
    """Lay what units see of an image into black pictures, in place; what lies outside is cut off.

    Args:
        patches: (units, *field.size, channels).
        units: int (units, 2), their places on the layer's map.
        pictures: (units, height, width, channels).
    """
    for patch, unit, picture in zip(patches, units, pictures, strict=True):
        window = field.window(tuple(int(place) for place in unit))
        inside = [
            slice(*np.clip([part.start, part.stop], 0, side)) for part, side in zip(window, picture.shape, strict=False)
        ]
        taken = [
            slice(part.start - whole.start, part.stop - whole.start) for part, whole in zip(inside, window, strict=True)
        ]
        picture[tuple(inside)] = patch[tuple(taken)]
