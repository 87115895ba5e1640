"""Insertion, deletion and average drop: does the network rely on the pixels that an attribution calls important?

References:
    [1] V. Petsiuk, A. Das and K. Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
        section 4.1, BMVC 2018, arXiv 1806.07421.
    [2] A. Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional
        Networks", section 4.1, WACV 2018, DOI 10.1109/WACV.2018.00097.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import checked, require_counts
from ...errors import FeedError, LayerError, OptionError
from ...results import Attribution, AverageDrop, PerturbationCurve
from ..network.targets import BoundTargets
from .baselines import baseline_of
from .class_scores import BATCH, ClassScores
from .pixel_importance import importance_of, scores_explained_by

BLURRED = "blurred"
"""The baseline that is the image itself without its details."""

_BLUR = 5 / 224
"""The deviation of the blur, as a part of each side: 5 pixels at 224, as in the program of [1]."""

_PERTURBED_BATCH = 4 * BATCH  # no gradients, so that a picture takes less memory


@checked
def deletion(
    network: Any, feed: Any, attribution: Attribution, *, baseline: ArrayLike | str | None = None, steps: int = 50
) -> PerturbationCurve:
    """Remove pixels from an image, the most important ones first, and record the probability of the class.

    If the attribution is right, the probability falls at once, and the area under the curve is small.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: the images and other inputs that the attribution was computed for; ``None`` for those given to ``load``.
        attribution: of any method and any targets. The channels of a pixel count together, with their signs; maps of a
            layer are enlarged to the size of the image.
        baseline: what stands where pixels are removed, in the range of the input: a number, one for each channel, a
            picture, or 'blurred'; by default the middle of the range (``Network.value_range``), which is grey.
        steps: how many equal parts of the pixels are removed, one after another.

    Returns:
        The curve, with its area.

    Raises:
        FeedError: another number or size of images, or a baseline that does not fit.
        LayerError: maps of other axes than the image. OptionError: fewer than one step.
        NumericalError: NaN or infinity.

    Notes:
        The paper removes pixels by a constant or a blur. Its program takes the mean of the training images, in steps of
        224 pixels out of 224 x 224. Pixels of equal importance follow each other row by row. For heads of values the
        score is recorded instead of the probability.

    References:
        [1] V. Petsiuk, A. Das and K. Saenko, BMVC 2018, section 4.1, arXiv 1806.07421.

    Example:
        >>> from cnnvis_widgets import deletion, demo, grad_cam, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> curve = deletion(network, None, grad_cam(network, None, 3), steps=8)
        >>> curve.values.shape, curve.areas.shape
        ((1, 1, 9), (1, 1))
    """
    *_, last = deletion_steps(network, feed, attribution, baseline=baseline, steps=steps)
    return last


def deletion_steps(
    network: Any, feed: Any, attribution: Attribution, *, baseline: ArrayLike | str | None = None, steps: int = 50
) -> Iterator[PerturbationCurve]:
    """Do the same as ``deletion``, a few points of a curve at a time.

    Yields:
        The curves so far.

    Notes:
        The call checks its arguments, before the first step.
    """
    return _Perturbation.of("deletion", network, feed, attribution, baseline, steps).steps()


@checked
def insertion(
    network: Any, feed: Any, attribution: Attribution, *, baseline: ArrayLike | str | None = BLURRED, steps: int = 50
) -> PerturbationCurve:
    """Insert the pixels of an image into a baseline, the most important ones first, and record the probability.

    If the attribution is right, the probability rises at once, and the area under the curve is large.

    Args:
        network, feed, attribution, steps: see ``deletion``.
        baseline: what stands where pixels are not inserted yet: see ``deletion``; by default the blurred image, because
            inserted pixels have sharp edges on a constant, which are themselves something to see.

    Returns:
        The curve, with its area.

    Raises:
        FeedError, LayerError, OptionError, NumericalError: as ``deletion``.

    Notes:
        The blur is Gaussian, with a deviation of 5/224 of each side, as in the paper's program; that one cuts the
        kernel after 5 pixels, this one after 15.

    References:
        [1] V. Petsiuk, A. Das and K. Saenko, BMVC 2018, section 4.1, arXiv 1806.07421.

    Example:
        >>> from cnnvis_widgets import demo, grad_cam, insertion, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> insertion(network, None, grad_cam(network, None, 3), steps=8).fractions.tolist()
        [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]
    """
    *_, last = insertion_steps(network, feed, attribution, baseline=baseline, steps=steps)
    return last


def insertion_steps(
    network: Any, feed: Any, attribution: Attribution, *, baseline: ArrayLike | str | None = BLURRED, steps: int = 50
) -> Iterator[PerturbationCurve]:
    """Do the same as ``insertion``, a few points of a curve at a time; see ``deletion_steps``."""
    return _Perturbation.of("insertion", network, feed, attribution, baseline, steps).steps()


@dataclass(frozen=True, eq=False)
class _Perturbation:
    """One checked request.

    Attributes:
        class_scores, targets: what is recorded.
        importance: float32 (images, targets, pixels).
        before, after: the images before the first pixel is changed and after the last one.
        counts: how many pixels are changed at each point.
        curve: without any value so far.
    """

    class_scores: ClassScores
    targets: BoundTargets
    importance: np.ndarray
    before: np.ndarray
    after: np.ndarray
    counts: np.ndarray
    curve: PerturbationCurve

    @classmethod
    def of(
        cls, kind: str, network: Any, feed: Any, attribution: Attribution, baseline: Any, steps: int
    ) -> _Perturbation:
        if steps < 1:
            raise OptionError(f"Expected steps of at least 1. Received: steps={steps!r}.")
        require_counts(steps=steps)
        class_scores, bound = scores_explained_by(network, feed, attribution)
        images = class_scores.images
        importance = importance_of(attribution, images)
        importance = importance.reshape(*importance.shape[:2], -1)
        missing, words = _missing(class_scores, baseline)
        ends = (images, missing) if kind == "deletion" else (missing, images)
        counts = np.unique(np.round(np.linspace(0, importance.shape[-1], steps + 1)).astype(int))
        fractions = (counts / importance.shape[-1]).astype(np.float32)
        unknown = np.full((*importance.shape[:2], len(counts)), np.nan, np.float32)
        quantity = "score" if class_scores.head.meaning == "values" else "probability"
        curve = PerturbationCurve(kind, attribution.method, bound.names, words, quantity, fractions, unknown)
        return cls(class_scores, bound, importance, *ends, counts, curve)

    def steps(self) -> Iterator[PerturbationCurve]:
        batch = self.class_scores.network.runtime.batches.fixed_size or _PERTURBED_BATCH
        chunks = [self.counts[first : first + batch] for first in range(0, len(self.counts), batch)]
        values = self.curve.values.copy()
        tasks = [(*pair, chunk) for pair in np.ndindex(values.shape[:2]) for chunk in range(len(chunks))]
        for index, (image, target, chunk) in enumerate(tasks):
            first = chunk * batch
            recorded = self._recorded(image, target, chunks[chunk])
            values[image, target, first : first + len(recorded)] = recorded
            yield replace(self.curve, values=values.copy(), index=index, total=len(tasks))

    def _recorded(self, image: int, target: int, counts: np.ndarray) -> np.ndarray:
        """The probability or score of a target while so many pixels of the image are changed."""
        order = np.argsort(-self.importance[image, target], kind="stable")
        variants = np.stack([self._changed(image, order[:count]) for count in counts])
        rows, channel = np.full(len(counts), image), self.targets.channels[image, target]
        scores, probabilities = self.class_scores.of_variants(rows, variants, self.targets.weights[target])
        return (scores if probabilities is None else probabilities)[:, channel]

    def _changed(self, image: int, pixels: np.ndarray) -> np.ndarray:
        before, after = self.before[image], self.after[image]
        changed = before.reshape(self.importance.shape[-1], -1).copy()
        changed[pixels] = after.reshape(changed.shape)[pixels]
        return changed.reshape(before.shape)


def _missing(class_scores: ClassScores, baseline: Any) -> tuple[np.ndarray, str]:
    """The images without any pixel of their own, and a baseline in words."""
    if isinstance(baseline, str):
        if baseline != BLURRED:
            raise OptionError(
                f"Expected a baseline of numbers, or {BLURRED!r}. Received: baseline={baseline!r}. Use one of them."
            )
        return blurred(class_scores.images), BLURRED
    if baseline is None:
        low, high = class_scores.network.value_range()
        return baseline_of(class_scores, (low + high) / 2), "middle of the range"
    return baseline_of(class_scores, baseline), "as given"


def blurred(images: np.ndarray) -> np.ndarray:
    """Blur images (images, spatial axes, channels) along each spatial axis; beyond the border nothing counts.

    Raises:
        FeedError: the images have no spatial axes.
    """
    if images.ndim < 3:
        raise FeedError(
            f"Expected images with height and width, to blur them. Received: shape {images.shape}. "
            "Pass a number as baseline."
        )
    for axis, side in enumerate(images.shape[1:-1], start=1):
        deviation = _BLUR * side
        offsets = np.subtract.outer(np.arange(side), np.arange(side))
        kernel = np.exp(-((offsets / deviation) ** 2) / 2) * (np.abs(offsets) <= 3 * deviation)
        kernel /= kernel.sum(axis=1, keepdims=True)
        images = np.moveaxis(np.tensordot(kernel, images, axes=(1, axis)), 0, axis)
    return images.astype(np.float32)


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
