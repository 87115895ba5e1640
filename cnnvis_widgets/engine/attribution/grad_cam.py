"""Grad-CAM and Guided Grad-CAM.

References:
    [1] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization", section 3, ICCV 2017, DOI 10.1109/ICCV.2017.74, arXiv 1610.02391.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import LayerError
from ...results import Attribution, Head, Layer
from ..network.targets import Targets
from .class_scores import ClassScores, attribution_without_images
from .last_maps import last_feature_maps


def grad_cam(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    layer: str | Layer | None = None,
    scores: str | Layer | Head | None = None,
    guided: bool = False,
    upsampled: bool = False,
) -> Attribution:
    """Find the places of a layer whose feature maps speak for a class.

    The mean gradient of the score over a map is the weight of the map. The result is the positive part of the
    weighted sum of all maps. The score is a logit, not a probability: a probability also rises when another class
    falls, and the softmax of a confident network has almost no gradient.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: the images and other inputs (see ``load``); ``None`` for those given to ``load``.
        targets: class numbers or names, or ``Target`` for a place of a map, one or several; by default the class that
            the network is surest of in each image.
        layer: the layer of the feature maps; by default the last one before the scores that has maps of several
            places.
        scores: the name of a head, or the layer whose channels are the targets; ``None`` for the main head. Scores
            before the activation that saturates are explained, and the result says so.
        guided: return Guided Grad-CAM: the map, enlarged, times the target's picture under the rule 'guided'.
        upsampled: enlarge the map to the size of the image, linearly along each axis.

    Returns:
        ``images`` is float32 (images, targets, height, width), of the size of the layer, or of the image if
        ``upsampled``; (images, targets, height, width, input channels), signed, if ``guided``. The values have no unit:
        compare places of one picture, not pictures.

    Raises:
        LayerError: there is no such layer, or it has no maps of several places.
        ChannelError, FeedError: there is no such class, or no image.
        GradientError: no gradient flows from the scores to the layer, or to the image if ``guided``.
        NumericalError: NaN or infinity.

    References:
        [1] R. R. Selvaraju et al., ICCV 2017, section 3, DOI 10.1109/ICCV.2017.74.

    Example:
        >>> from cnnvis_widgets import demo, grad_cam, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:2])
        >>> grad_cam(network, None, [3, 5]).images.shape
        (2, 2, 8, 8)
    """
    class_scores = ClassScores.of(network, feed, scores)
    bound = class_scores.bound(targets)
    result = attribution_without_images(class_scores, bound, "guided_grad_cam" if guided else "grad_cam")
    maps = _maps(class_scores, layer)
    if guided or upsampled:
        _require_axes_of_image(maps, class_scores.images.shape[1:-1])
    rows, channels, at = bound.pairs()
    values, gradients = class_scores.backward_to(maps, rows, channels, at)
    weights = gradients.mean(axis=tuple(range(1, values.ndim - 1)), keepdims=True)
    images = np.maximum((weights * values).sum(axis=-1), 0)
    if guided or upsampled:
        images = _enlarged(images, class_scores.images.shape[1:-1])
    coverage = None
    if guided:
        class_scores.network.runtime.require_gradient(class_scores.layer)
        images = images[..., None] * class_scores.backward(rows, class_scores.images[rows], channels, at, "guided")
        coverage = class_scores.network.coverage("guided", class_scores.layer)
    shaped = images.reshape(len(class_scores.images), len(result.targets), *images.shape[1:])
    return replace(result, images=shaped.astype(np.float32), maps=maps, coverage=coverage)


def _maps(class_scores: ClassScores, layer: str | Layer | None) -> Layer:
    network, scores = class_scores.network, class_scores.layer
    maps = last_feature_maps(network, scores) if layer is None else network.layer(layer)
    if maps is None or not maps.spatial_shape:
        received = "a network without one" if maps is None else repr(maps.name)
        raise LayerError(
            f"Expected a layer with feature maps of several places before {scores.name!r}. "
            f"Received: {received}. Grad-CAM needs one; integrated_gradients and smooth_grad do not."
        )
    return maps


def _require_axes_of_image(maps: Layer, sizes: tuple[int, ...]) -> None:
    """Refuse to enlarge, for instance, the tokens of a transformer to the height and width of the image."""
    if len(maps.spatial_shape) != len(sizes):
        image = f"an image with {len(sizes)} axes" if sizes else "a flat input"
        raise LayerError(
            f"Expected maps with the axes of the image, to enlarge them. Received: {image}, and layer {maps.name!r} "
            f"with maps of shape {maps.spatial_shape}. Choose another layer, or take its maps as they are: "
            "upsampled=False."
        )


def _enlarged(maps: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Resize maps (rows, height, width) linearly along each axis; a pixel is an area, not a point."""
    for axis, size in enumerate(sizes, start=1):
        length = maps.shape[axis]
        centres = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        below = np.minimum(centres.astype(int), max(length - 2, 0))
        part = (centres - below).reshape(-1, *(1,) * (maps.ndim - axis - 1))
        above = np.minimum(below + 1, length - 1)
        maps = maps.take(below, axis) * (1 - part) + maps.take(above, axis) * part
    return maps
