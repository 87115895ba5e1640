"""Photographs of any size become pictures of a given size."""

from __future__ import annotations

import numpy as np
from PIL import Image


def centre_crop(pixels: np.ndarray, proportion: float) -> np.ndarray:
    """Cut out the largest centred part whose width is ``proportion`` times its height, at whole pixels.

    Example:
        >>> centre_crop(np.zeros((40, 60, 3), np.uint8), 1).shape
        (40, 40, 3)
    """
    rows, columns = pixels.shape[:2]
    width = max(1, min(columns, round(rows * proportion)))
    height = max(1, min(rows, round(columns / proportion)))
    left, top = (columns - width) // 2, (rows - height) // 2
    return pixels[top : top + height, left : left + width]


def fitted_picture(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut out the centre of a picture and resize it, bicubically.

    Args:
        pixels: uint8 (height, width, 3).
        height, width: of the result.

    Example:
        >>> fitted_picture(np.zeros((40, 60, 3), np.uint8), 8, 5).shape
        (8, 5, 3)
    """
    cut = Image.fromarray(np.ascontiguousarray(centre_crop(pixels, width / height)))
    return np.asarray(cut.resize((width, height), Image.Resampling.BICUBIC))
