"""Enlarge maps to the size of the image: linearly along each axis, as a pixel is an area and not a point."""

from __future__ import annotations

import numpy as np

from ...errors import LayerError
from ...results import Layer


def require_axes_of_image(maps: Layer, sizes: tuple[int, ...], instead: str) -> None:
    """Refuse to enlarge, for instance, the tokens of a transformer to the height and width of the image.

    Args:
        maps: the layer of the maps.
        sizes: of the image along its spatial axes.
        instead: what to do, for the end of the message.

    Raises:
        LayerError: the maps have other axes than the image.
    """
    if not sizes or len(maps.spatial_shape) != len(sizes):
        image = f"an image with {len(sizes)} axes" if sizes else "a flat input"
        raise LayerError(
            f"Expected maps with the axes of the image, to enlarge them. Received: {image}, and layer {maps.name!r} "
            f"with maps of shape {maps.spatial_shape}. {instead}"
        )


def enlarged(maps: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Resize maps (rows, height, width) linearly along each axis.

    Example:
        >>> enlarged(np.array([[0.0, 4.0]]), (4,)).tolist()
        [[0.0, 1.0, 3.0, 4.0]]
    """
    for axis, size in enumerate(sizes, start=1):
        length = maps.shape[axis]
        if size == length:
            continue
        centres = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        below = np.minimum(centres.astype(int), max(length - 2, 0))
        part = (centres - below).reshape(-1, *(1,) * (maps.ndim - axis - 1))
        above = np.minimum(below + 1, length - 1)
        maps = maps.take(below, axis) * (1 - part) + maps.take(above, axis) * part
    return maps
