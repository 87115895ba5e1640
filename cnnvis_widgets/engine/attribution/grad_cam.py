"""Grad-CAM, Guided Grad-CAM, and the relatives that weigh the same maps by the same gradients in other ways.

``cam_weightings`` has the formulas and the papers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ...arguments import checked
from ...results import Attribution, Head, Layer
from ..network.targets import Targets
from .cam_weightings import WEIGHTINGS
from .class_scores import ClassScores, attribution_without_images
from .enlargement import enlarged, require_axes_of_image
from .last_maps import maps_to_weigh

_INSTEAD = "Choose another layer, or take its maps as they are: upsampled=False."

SATURATED_SCORE = "gradient is zero: the score is saturated or off"
NOTHING_FOR_IT = "no place speaks for it: the weighted sum of the maps is nowhere positive"
SILENT_MAPS = "all feature maps are zero"
EMPTY_PICTURE = "the picture by guided backpropagation is zero where the map is not"


@checked
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
    cam = _weighted_maps(class_scores, targets, "grad_cam", layer, upsampled or guided)
    return _times_guided(class_scores, targets, cam) if guided else cam


@checked
def grad_cam_plus_plus(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    layer: str | Layer | None = None,
    scores: str | Layer | Head | None = None,
    upsampled: bool = False,
) -> Attribution:
    """Do the same as ``grad_cam``, with weights that count each place of a map by itself.

    An object that fills a small part of a map gets as much weight as one that fills a large part, and several objects
    of one class are all found.

    Args:
        network, feed, targets, layer, scores, upsampled: see ``grad_cam``.

    Returns:
        ``images`` is float32 (images, targets, height, width), of the size of the layer, or of the image if
        ``upsampled``. The values have no unit, because the factor exp(score) of the paper is left out.

    Raises:
        LayerError, ChannelError, FeedError, GradientError, NumericalError: as ``grad_cam``.
        LayerError: the maps have so negative sums that the formula divides by zero or less, as before an activation
            function.

    Notes:
        The closed form of the weights holds where the score is piecewise linear in the maps, as the paper assumes.
        The authors' program, and others after it, divide the coefficients of each map by their sum. The paper does
        not, and neither does this function.

    References:
        [1] A. Chattopadhay et al., WACV 2018, section 3.2, DOI 10.1109/WACV.2018.00097.

    Example:
        >>> from cnnvis_widgets import demo, grad_cam_plus_plus, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:2])
        >>> grad_cam_plus_plus(network, None, [3, 5], upsampled=True).images.shape
        (2, 2, 32, 32)
    """
    return _weighted_maps(ClassScores.of(network, feed, scores), targets, "grad_cam_plus_plus", layer, upsampled)


@checked
def hires_cam(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    layer: str | Layer | None = None,
    scores: str | Layer | Head | None = None,
    upsampled: bool = False,
) -> Attribution:
    """Measure how much each place of a layer contributes to a score: activation x gradient, summed over the channels.

    Where a single dense layer follows the maps, the places add up to the score without its bias. So the map shows no
    place that the network does not use, which the mean of ``grad_cam`` may do.

    Args:
        network, feed, targets, layer, scores, upsampled: see ``grad_cam``.

    Returns:
        ``images`` is float32 (images, targets, height, width), signed, in units of the score; of the size of the layer,
        or of the image if ``upsampled``.

    Raises:
        LayerError, ChannelError, FeedError, GradientError, NumericalError: as ``grad_cam``.

    Notes:
        Some programs keep the positive part only, as in Grad-CAM. The formula of the paper has no such step.

    References:
        [1] R. L. Draelos and L. Carin, 2020, section 3, arXiv 2011.08891.

    Example:
        >>> from cnnvis_widgets import demo, hires_cam, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:2])
        >>> hires_cam(network, None, [3, 5]).images.shape
        (2, 2, 8, 8)
    """
    return _weighted_maps(ClassScores.of(network, feed, scores), targets, "hires_cam", layer, upsampled)


@checked
def layer_cam(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    layer: str | Layer | None = None,
    scores: str | Layer | Head | None = None,
    upsampled: bool = False,
) -> Attribution:
    """Find the places of any layer, also of an early one, that speak for a class: each value times its own gradient.

    Only positive gradients count. Early layers have fine maps, in which the mean gradient of ``grad_cam`` says little.

    Args:
        network, feed, targets, layer, scores, upsampled: see ``grad_cam``.

    Returns:
        ``images`` is float32 (images, targets, height, width), never negative, in units of the score; of the size of
        the layer, or of the image if ``upsampled``.

    Raises:
        LayerError, ChannelError, FeedError, GradientError, NumericalError: as ``grad_cam``.

    Notes:
        This is the map of one layer. To merge several layers, the paper first scales the maps of early ones:
        tanh(2 x map / largest value).

    References:
        [1] P.-T. Jiang et al., IEEE Transactions on Image Processing 30, 2021, section III, DOI
            10.1109/TIP.2021.3089943.

    Example:
        >>> from cnnvis_widgets import demo, layer_cam, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:2])
        >>> layer_cam(network, None, [3, 5], layer="conv1").images.shape
        (2, 2, 32, 32)
    """
    return _weighted_maps(ClassScores.of(network, feed, scores), targets, "layer_cam", layer, upsampled)


def _weighted_maps(
    class_scores: ClassScores, targets: Targets, method: str, layer: str | Layer | None, upsampled: bool
) -> Attribution:
    """The map of every image for every target under one of the weightings."""
    bound = class_scores.bound(targets)
    maps = maps_to_weigh(class_scores.network, class_scores.layer, layer)
    sizes = class_scores.images.shape[1:-1]
    if upsampled:
        require_axes_of_image(maps, sizes, _INSTEAD)
    values, gradients, scores = class_scores.backward_to(maps, *bound.pairs())
    result = attribution_without_images(class_scores, bound, method, scores.reshape(bound.channels.shape))
    images = WEIGHTINGS[method](values, gradients)
    if upsampled:
        images = enlarged(images, sizes)
    shaped = images.reshape(*bound.channels.shape, *images.shape[1:])
    notes = _by_target(map(_why_empty, images, values, gradients), bound.channels.shape[1])
    return replace(result, images=shaped.astype(np.float32), maps=maps, notes=notes)


def _why_empty(image: np.ndarray, values: np.ndarray, gradients: np.ndarray) -> str:
    """Why a map is zero everywhere; '' if it is not."""
    if image.any():
        return ""
    if not gradients.any():
        return SATURATED_SCORE
    return NOTHING_FOR_IT if values.any() else SILENT_MAPS


def _by_target(notes: Iterable[str], targets: int) -> tuple[tuple[str, ...], ...]:
    """Notes of all images and targets, as a tuple for each image."""
    listed = tuple(notes)
    return tuple(listed[start : start + targets] for start in range(0, len(listed), targets))


def _times_guided(class_scores: ClassScores, targets: Targets, cam: Attribution) -> Attribution:
    """Guided Grad-CAM: an enlarged map times the picture of the same target by guided backpropagation."""
    class_scores.network.runtime.require_gradient(class_scores.layer)
    rows, channels, at = class_scores.bound(targets).pairs()
    pictures = class_scores.backward(rows, class_scores.images_of(rows), channels, at, "guided")
    coverage = class_scores.network.coverage("guided", class_scores.layer)
    images = cam.images[..., np.newaxis] * pictures.reshape(*cam.channels.shape, *pictures.shape[1:])
    empty = ("" if image.any() else EMPTY_PICTURE for image in images.reshape(-1, *images.shape[2:]))
    both = zip(sum(cam.notes, ()), empty, strict=True)
    notes = _by_target((note or other for note, other in both), cam.channels.shape[1])
    return replace(cam, method="guided_grad_cam", images=images, coverage=coverage, notes=notes)
