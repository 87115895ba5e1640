"""Draw the patches of a data set to which a channel responds most, each beside its projection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..results import Patch
from .conversion import with_channels
from .grid import montage
from .normalize import ValueRange
from .render import picture

SIDE = 72
"""The height and width of a drawn patch, in pixels."""
_BEYOND = 96
"""The grey of what lies beyond the border of an image."""
_SATURATED = 0.5
"""Percent of the values of a projection that are drawn in full black or white."""


def patches_picture(patches: Sequence[Patch], value_range: ValueRange, *, side: int = SIDE) -> np.ndarray:
    """Draw patches in the order of their rank, row by row, each with its projection to the right.

    Middle grey is zero in a projection. Darker grey around a patch lies beyond the border of its image.

    Args:
        patches: of one channel.
        value_range: of their pixels.
        side: the height and width of each patch in the picture.

    Returns:
        uint8 (height, width, 3); one pixel of that grey if there are no patches.
    """
    if not patches:
        return np.full((1, 1, 3), _BEYOND, np.uint8)
    tiles = []
    for patch in patches:
        drawn = [_fitted(_colour(picture(patch.pixels, value_range)), patch, side)]
        if patch.projection is not None:
            drawn.append(_fitted(_colour(_projected(patch.projection)), patch, side))
        tiles.append(np.concatenate(drawn, axis=1))
    return montage(np.stack(tiles), gap=4)


def _projected(projection: np.ndarray) -> np.ndarray:
    strengths = np.abs(projection[projection != 0])
    limit = float(np.percentile(strengths, 100 - _SATURATED, method="higher")) if strengths.size else 1.0
    return picture(projection, (-limit, limit))


def _colour(pixels: np.ndarray) -> np.ndarray:
    return with_channels(pixels, 3)


def _fitted(pixels: np.ndarray, patch: Patch, side: int) -> np.ndarray:
    """A patch in a square of a given size. What its receptive field has beyond the border is grey."""
    height, width = pixels.shape[:2]
    first, size = [0, 0], [height, width]
    if len(patch.box) == 2:
        first = [max(0, -start) for start, _ in patch.box]
        size = [stop - start for start, stop in patch.box]
    if max(size) > 2 * max(height, width):  # a unit that sees far more than the image: the image itself
        first, size = [0, 0], [height, width]
    canvas = np.full((max(size), max(size), 3), _BEYOND, np.uint8)
    canvas[first[0] : first[0] + height, first[1] : first[1] + width] = pixels
    small = max(size) < side
    resample = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(canvas).resize((side, side), resample))
