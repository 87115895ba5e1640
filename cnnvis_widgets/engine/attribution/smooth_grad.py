"""SmoothGrad: the mean gradient over copies of an image with noise.

References:
    [1] D. Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, arXiv 1706.03825.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from numbers import Real
from typing import Any

import numpy as np

from ...arguments import checked, require_counts
from ...errors import OptionError
from ...results import Attribution, Head, Layer
from ..network.channels import whole_number
from ..network.targets import BoundTargets, Targets
from .class_scores import BATCH, ClassScores, attribution_without_images


@checked
def smooth_grad(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
    scores: str | Layer | Head | None = None,
) -> Attribution:
    """Average the gradient of a score at noisy copies of the image.

    Args:
        network, feed, targets, scores: see ``grad_cam``.
        noise: the standard deviation of the Gaussian noise, as a fraction of the image's largest less its smallest
            value; 0 gives the plain gradient.
        samples: the number of copies.
        seed: of the noise, which is the same for every image and target; the same seed gives the same bytes.

    Returns:
        ``images`` is float32 (images, targets, height, width, input channels), the signed mean of the gradients, in
        units of the score per unit of the input.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, or no image.
        GradientError: no gradient flows from the scores to the image.
        NumericalError: NaN or infinity. OptionError: an option out of range.

    References:
        [1] D. Smilkov et al., 2017, arXiv 1706.03825.

    Example:
        >>> from cnnvis_widgets import demo, load, smooth_grad
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> smooth_grad(network, None, 3, samples=4).images.shape
        (1, 1, 32, 32, 1)
    """
    options: dict[str, Any] = {"noise": noise, "samples": samples, "seed": seed, "scores": scores}
    *_, last = smooth_grad_steps(network, feed, targets, **options)
    return last


def smooth_grad_steps(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
    scores: str | Layer | Head | None = None,
) -> Iterator[Attribution]:
    """Do the same as ``smooth_grad``, a few copies at a time.

    Yields:
        The mean over the copies so far; zero for images and targets without any copy so far.

    Notes:
        The call checks its arguments, before the first step.
    """
    _require(isinstance(noise, Real) and noise >= 0, "noise of at least 0", noise=noise)
    _require((whole_number(samples) or 0) >= 1, "samples of at least 1", samples=samples)
    require_counts(samples=samples)
    _require((whole_number(seed) or 0) >= 0 and whole_number(seed) is not None, "seed as a whole number", seed=seed)
    class_scores = ClassScores.of(network, feed, scores)
    class_scores.network.runtime.require_gradient(class_scores.layer)
    bound = class_scores.bound(targets)
    result = attribution_without_images(class_scores, bound, "smooth_grad")

    def copies(image: int) -> Iterator[np.ndarray]:
        picture, random = class_scores.images[image], np.random.default_rng(seed)
        deviation = np.float32(noise * np.ptp(picture))
        return (picture + deviation * random.standard_normal(picture.shape, np.float32) for _ in range(samples))

    return (
        replace(result, index=index, total=total, images=means.astype(np.float32))
        for index, total, means in _mean_gradients(class_scores, bound, copies, samples)
    )


def _mean_gradients(
    class_scores: ClassScores, targets: BoundTargets, variants: Callable[[int], Iterator[np.ndarray]], count: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Average the gradients of each target's score over the variants of each image, a batch at a time.

    Args:
        variants: makes the ``count`` variants of an image, by its index.

    Yields:
        The step, the number of steps, and the means so far: float64 (images, targets, height, width, channels).
    """
    batch = class_scores.network.runtime.batches.fixed_size or BATCH
    images = range(len(class_scores.images))
    means = np.zeros((*targets.channels.shape, *class_scores.images.shape[1:]))
    tasks = [(image, target) for image in images for target in range(len(targets.numbers))]
    total = len(tasks) * -(-count // batch)
    index = 0
    for image, target in tasks:
        gradients, known, pending = np.zeros(means.shape[2:]), 0, variants(image)
        while chunk := list(islice(pending, batch)):
            rows, channels = np.full(len(chunk), image), np.full(len(chunk), targets.channels[image, target])
            at = np.tile(targets.weights[target], (len(chunk), 1))
            gradients += class_scores.backward(rows, np.stack(chunk), channels, at).sum(axis=0, dtype=np.float64)
            known += len(chunk)
            means[image, target] = gradients / known
            yield index, total, means
            index += 1


def _require(holds: bool, expected: str, **received: float) -> None:
    if not holds:
        [(name, value)] = received.items()
        raise OptionError(f"Expected {expected}. Received: {name}={value!r}.")
