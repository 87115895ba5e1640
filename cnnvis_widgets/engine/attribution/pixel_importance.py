"""How important an attribution says each pixel is, and the scores that it explains: for measures of attributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import FeedError, LayerError, NumericalError
from ...methods import METHODS
from ...results import Attribution
from ..network.targets import BoundTargets
from .class_scores import ClassScores
from .enlargement import enlarged, require_axes_of_image


def scores_explained_by(network: Any, feed: Any, attribution: Attribution) -> tuple[ClassScores, BoundTargets]:
    """Find the scores that an attribution explains, for the images that it was computed for.

    Raises:
        FeedError: the feed has another number of images.
        LayerError: the attribution does not say whose scores it explains.
    """
    if attribution.head is None:
        raise LayerError(
            "Expected an attribution that a method of this package computed. Received: one without a head. "
            "Compute it again."
        )
    class_scores = ClassScores.of(network, feed, attribution.head)
    if len(class_scores.images) != len(attribution.images):
        raise FeedError(
            f"Expected the images that the attribution was computed for. Received: {len(class_scores.images)} images "
            f"and an attribution of {len(attribution.images)}. Pass the same feed to both."
        )
    bound = BoundTargets(
        attribution.channels.astype(np.int32), attribution.place_weights, attribution.targets, attribution.names
    )
    return class_scores, bound


def importance_of(attribution: Attribution, images: np.ndarray) -> np.ndarray:
    """Reduce an attribution to a number for each pixel of the images.

    Values of the channels of a pixel are summed, with their signs, as drawings do. Maps of a layer are enlarged to the
    size of the image. Each value of a flat input is a pixel of its own.

    Args:
        attribution: of any method.
        images: (images, spatial axes, channels), as fed.

    Returns:
        float32 (images, targets, spatial axes of the images).

    Raises:
        LayerError: the attribution is of maps with other axes than the image.
        FeedError: it is of images of another size.
        NumericalError: it is not finished: there are values that are not known.
    """
    values = attribution.images
    if not np.isfinite(values).all():
        raise NumericalError("Expected a finished attribution. Received: NaN or infinity in it. Compute all its steps.")
    sizes = images.shape[1:-1] or images.shape[1:]
    if METHODS[attribution.method].per_channel and images.ndim > 2:
        values = values.sum(axis=-1)
    if attribution.maps is not None and values.shape[2:] != sizes:
        require_axes_of_image(attribution.maps, images.shape[1:-1], "Choose another layer.")
        values = enlarged(values.reshape(-1, *values.shape[2:]), sizes).reshape(*values.shape[:2], *sizes)
    if values.shape[2:] != sizes:
        raise FeedError(
            f"Expected an attribution of images of shape {sizes}. Received: {values.shape[2:]}. "
            "Pass the same feed to both."
        )
    return values.astype(np.float32)
