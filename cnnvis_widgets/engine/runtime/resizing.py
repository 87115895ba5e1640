"""Pictures at another size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ...errors import FeedError
from .tracing import eagerly


def resize(images: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Pictures (images, height, width, channels) at a size (height, width), float32, averaged where they shrink.

    Raises:
        FeedError: signals and volumes are not resized.
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
