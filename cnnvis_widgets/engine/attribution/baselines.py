"""Baselines: the picture that means 'nothing', with which an image is compared or filled."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import FeedError
from .class_scores import ClassScores


def baseline_of(class_scores: ClassScores, baseline: Any) -> np.ndarray:
    """Turn a number, one for each channel, or a picture into a picture for each image; ``None`` is the darkest value.

    Raises:
        FeedError: it does not fit the images.
    """
    shape = class_scores.images.shape
    value = class_scores.network.value_range()[0] if baseline is None else baseline
    try:
        return np.broadcast_to(np.asarray(value, np.float32), shape)
    except (ValueError, TypeError) as error:
        raise FeedError(
            f"Expected a baseline that fits images of shape {shape[1:]}. Received: shape "
            f"{np.shape(value)}. Pass a number, one for each channel, or a picture of that shape."
        ) from error
