"""Gradient x input.

References:
    [1] A. Shrikumar, P. Greenside, A. Shcherbina and A. Kundaje, "Not Just a Black Box: Learning Important Features
        Through Propagating Activation Differences", 2016, arXiv 1605.01713.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...arguments import checked
from ...results import Attribution, Head, Layer
from ..network.targets import Targets
from .class_scores import ClassScores, attribution_without_images


@checked
def gradient_times_input(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    scores: str | Layer | Head | None = None,
) -> Attribution:
    """Multiply the gradient of a score by the image, value by value.

    Args:
        network, feed, targets, scores: see ``grad_cam``.

    Returns:
        ``images`` is float32 (images, targets, height, width, input channels), signed, in units of the score. If every
        layer is linear or a ReLU and has no bias, the values add up to the score.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, or no image.
        GradientError: no gradient flows from the scores to the image.
        NumericalError: NaN or infinity.

    Notes:
        The input is what the network is fed, after any preprocessing. Where it is 0 the picture is 0, whatever the
        gradient: black pixels in [0, 1], grey ones in [-1, 1].

    References:
        [1] A. Shrikumar et al., 2016, arXiv 1605.01713.

    Example:
        >>> from cnnvis_widgets import demo, gradient_times_input, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:2])
        >>> gradient_times_input(network, None, [3, 5]).images.shape
        (2, 2, 32, 32, 1)
    """
    class_scores = ClassScores.of(network, feed, scores)
    class_scores.network.runtime.require_gradient(class_scores.layer)
    bound = class_scores.bound(targets)
    result = attribution_without_images(class_scores, bound, "gradient_times_input")
    rows, channels, at = bound.pairs()
    images = class_scores.images_of(rows)
    products = class_scores.backward(rows, images, channels, at)
    products *= images
    return replace(result, images=products.reshape(*bound.channels.shape, *images.shape[1:]))
