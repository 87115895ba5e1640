"""Pictures at another size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ...errors import FeedError
from .tracing import eagerly


def resize(images: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize pictures bilinearly; where they shrink, pixels are averaged (antialiasing).

    Args:
        images: (images, height, width, channels), of any dtype and range.
        size: (height, width).

    Returns:
        float32 (images, height, width, channels), in the same range.

    Raises:
        FeedError: the images are signals or volumes.
    """
    if images.shape[1:-1] == tuple(size):
        return images.astype(np.float32, copy=False)
    if len(size) != 2:
        raise FeedError(
            f"Expected a start of size {tuple(size)}. Received: {images.shape[1:-1]}. Only pictures are resized."
        )
    return _resized(images, tuple(size))


@eagerly
def _resized(images: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    return tf.image.resize(images, size, antialias=True).numpy()
