"""Average drop and increase: does the network still see the class where only what an attribution points at is visible?

References:
    [1] A. Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional
        Networks", section 4.1, WACV 2018, DOI 10.1109/WACV.2018.00097.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import checked
from ...errors import LayerError
from ...results import Attribution, AverageDrop
from .baselines import baseline_of
from .pixel_importance import importance_of, scores_explained_by


@checked
def average_drop(
    network: Any, feed: Any, attribution: Attribution, *, baseline: ArrayLike | str | None = None
) -> AverageDrop:
    """Multiply images with their attributions, and compare the probabilities of the classes before and after.

    Args:
        network, feed, attribution: see ``deletion``. The positive part of an attribution counts, divided by its largest
            value.
        baseline: what is seen where the attribution is zero, in the range of the input: a number, one for each channel,
            or a picture; by default the darkest value (``Network.value_range``), as in a product of pixels.

    Returns:
        The probabilities, with average drop and increase in percent.

    Raises:
        LayerError: a head of values, which has no probabilities; or maps of other axes than the image.
        FeedError: another number or size of images, or a baseline that does not fit.
        NumericalError: NaN or infinity.

    References:
        [1] A. Chattopadhay et al., WACV 2018, section 4.1, DOI 10.1109/WACV.2018.00097.

    Example:
        >>> from cnnvis_widgets import average_drop, demo, grad_cam, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:4])
        >>> result = average_drop(network, None, grad_cam(network))
        >>> result.before.shape, result.average_drop.shape
        ((4, 1), (1,))
    """
    class_scores, bound = scores_explained_by(network, feed, attribution)
    images, start = class_scores.images, baseline_of(class_scores, baseline)
    rows = np.arange(len(images))
    _, before = class_scores.at_targets(rows, images, bound)
    if before is None:
        raise LayerError(
            f"Expected a head with probabilities. Received: head {class_scores.head.name!r} of values, which cannot be "
            "divided. deletion and insertion take it."
        )
    masks = _masks(importance_of(attribution, images), flat=images.ndim == 2)
    after = np.zeros_like(before)
    for target, mask in enumerate(np.moveaxis(masks, 1, 0)):
        _, by_class = class_scores.of_variants(rows, start + mask * (images - start), bound.weights[target])
        if by_class is not None:
            after[:, target] = by_class[rows, bound.channels[:, target]]
    return AverageDrop(attribution.method, bound.names, before, after)


def _masks(importance: np.ndarray, *, flat: bool) -> np.ndarray:
    """Scale the positive part of each attribution to 0 to 1; zero stays zero. With an axis for the channels."""
    positive = np.maximum(importance, 0)
    largest = positive.max(axis=tuple(range(2, positive.ndim)), keepdims=True)
    masks = np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0)
    return masks if flat else masks[..., np.newaxis]
