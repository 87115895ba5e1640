"""Score-CAM: maps are weighed by the scores of the image seen through them, without any gradient.

References:
    [1] H. Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
        Workshops 2020, DOI 10.1109/CVPRW50498.2020.00020.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import checked
from ...results import Attribution, Head, Layer
from ..network.targets import Targets
from .baselines import baseline_of
from .class_scores import BATCH, ClassScores, attribution_without_images
from .enlargement import enlarged, require_axes_of_image
from .last_maps import maps_to_weigh

_MASKED_BATCH = 4 * BATCH  # no gradients, so that a picture takes less memory


@checked
def score_cam(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    layer: str | Layer | None = None,
    baseline: ArrayLike | str | None = 0.0,
    scores: str | Layer | Head | None = None,
    upsampled: bool = False,
) -> Attribution:
    """Find the places of a layer whose feature maps, laid over the image as masks, keep the score of a class high.

    Each map is enlarged to the size of the image, scaled to 0 to 1, and multiplied with the image. The softmax of the
    scores of these masked images, over all maps, gives their weights. The result is the positive part of the weighted
    sum of all maps. The network computes forwards once for each map, so that this takes much longer than ``grad_cam``.

    Args:
        network, feed, targets, layer, scores, upsampled: see ``grad_cam``.
        baseline: what is seen where a mask is 0, in the range of the input: a number, one for each channel, or a
            picture (height, width, channels). With 0, as in the paper, the masked image is the product of both; for
            an input in [-1, 1] that is grey.

    Returns:
        ``images`` is float32 (images, targets, height, width), of the size of the layer, or of the image if
        ``upsampled``. The values have no unit.

    Raises:
        LayerError, ChannelError, FeedError: as ``grad_cam``, also where the maps have other axes than the image.
        NumericalError: NaN or infinity.

    Notes:
        This follows algorithm 1 of the paper: scores before the softmax of the network, and a softmax over the maps, in
        which the score of the baseline cancels out. The authors' program, and others after it, take the probability of
        the class as the weight, without a softmax over the maps. A map that has the same value everywhere is no mask;
        its weight is 0.

    References:
        [1] H. Wang et al., CVPR Workshops 2020, algorithm 1, DOI 10.1109/CVPRW50498.2020.00020.

    Example:
        >>> from cnnvis_widgets import demo, load, score_cam
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> score_cam(network, None, [3, 5]).images.shape
        (1, 2, 8, 8)
    """
    options: dict[str, Any] = {"layer": layer, "baseline": baseline, "scores": scores, "upsampled": upsampled}
    *_, last = score_cam_steps(network, feed, targets, **options)
    return last


def score_cam_steps(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    layer: str | Layer | None = None,
    baseline: ArrayLike | str | None = 0.0,
    scores: str | Layer | Head | None = None,
    upsampled: bool = False,
) -> Iterator[Attribution]:
    """Do the same as ``score_cam``, a few maps at a time: image after image.

    Yields:
        The weighted sum of the maps so far; zero for images without any map so far.

    Notes:
        The call checks its arguments, before the first step.
    """
    class_scores = ClassScores.of(network, feed, scores)
    bound = class_scores.bound(targets)
    sizes = class_scores.images.shape[1:-1]
    maps = maps_to_weigh(class_scores.network, class_scores.layer, layer)
    require_axes_of_image(maps, sizes, "Choose another layer.")
    start = baseline_of(class_scores, baseline)
    result = replace(attribution_without_images(class_scores, bound, "score_cam"), maps=maps)
    rows = np.arange(len(class_scores.images))
    _, values = class_scores.with_maps(rows, class_scores.images, maps)
    channels_first = np.moveaxis(values, -1, 1)
    batch = class_scores.network.runtime.batches.fixed_size or _MASKED_BATCH
    total = len(rows) * -(-channels_first.shape[1] // batch)

    def steps() -> Iterator[Attribution]:
        images = np.zeros((*bound.channels.shape, *(sizes if upsampled else values.shape[1:-1])), np.float32)
        index = 0
        for image, of_image in enumerate(channels_first):
            weights = np.full((len(of_image), bound.channels.shape[1]), -np.inf)  # logits of the softmax over maps
            for first in range(0, len(of_image), batch):
                chunk = of_image[first : first + batch]
                masks, varied = _masks(chunk, sizes)
                variants = start[image] + masks * (class_scores.images[image] - start[image])
                masked = class_scores.at_targets(np.full(len(chunk), image), variants, bound)[0]
                weights[first : first + batch][varied] = masked[varied]
                cam = _weighted_sum(of_image, weights)
                images[image] = enlarged(cam, sizes) if upsampled else cam
                yield replace(result, images=images.copy(), index=index, total=total)
                index += 1

    return steps()


def _masks(maps: np.ndarray, sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Scale maps (maps, height, width) to masks from 0 to 1, (maps, *sizes, 1), and say which of them vary at all."""
    large = enlarged(maps, sizes).astype(np.float32)
    places = tuple(range(1, large.ndim))
    low, high = large.min(axis=places, keepdims=True), large.max(axis=places, keepdims=True)
    masks = np.divide(large - low, high - low, out=np.zeros_like(large), where=high > low)
    return masks[..., np.newaxis], (high > low).ravel()


def _weighted_sum(maps: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """The positive part of the sum of maps (maps, height, width), weighed by the softmax of logits (maps, targets)."""
    largest = logits.max(axis=0, keepdims=True)
    weights = np.exp(logits - np.where(np.isfinite(largest), largest, 0))
    totals = weights.sum(axis=0)
    weights = np.divide(weights, totals, out=np.zeros_like(weights), where=totals > 0)
    return np.maximum(np.tensordot(weights.T, maps, axes=1), 0)
