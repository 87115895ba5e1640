"""Which parts of an image speak for a class: Grad-CAM, integrated gradients, SmoothGrad.

All of them explain logits, not probabilities: a probability can rise because another class falls, and a sure
network's softmax has no gradient left.

References:
    [1] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization", section 3, ICCV 2017, DOI 10.1109/ICCV.2017.74, arXiv 1610.02391.
    [2] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017,
        arXiv 1703.01365 (integrated gradients, completeness).
    [3] D. Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, arXiv 1706.03825.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from ...errors import FeedError, LayerError
from ...results import Attribution, Layer
from .class_scores import TOGETHER, Scores, Targets, last_feature_maps, numbers_and_names


def grad_cam(
    network: Any,
    feed: Any,
    targets: Targets,
    *,
    layer: str | Layer | None = None,
    scores: str | Layer | None = None,
    guided: bool = False,
    upsampled: bool = False,
) -> Attribution:
    """The places of a layer whose feature maps speak for a class.

    Each map is weighted by the mean gradient of the score over the map; of the weighted sum the positive part
    is kept.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        targets: channel numbers or class names, one or several.
        layer: whose feature maps are weighted; by default the last ones before the scores that have places.
        scores: the layer whose channels are the targets; by default the logits. A softmax is replaced by its
            logits, and the result says so.
        guided: Guided Grad-CAM: enlarged, times the target's picture under the rule 'guided'.
        upsampled: enlarge to the size of the image, linearly along each axis.

    Returns:
        ``images`` is float32 (images, targets, height, width), of the layer's size, or the image's if ``upsampled``;
        (images, targets, height, width, input channels), signed, if ``guided``.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, or no image; a layer without places.
        GradientError: no gradient flows from the scores to the layer, or to the image if ``guided``.
        NumericalError: NaN or infinity.
    """
    asked = Scores.of(network, feed, scores)
    result = _empty(asked, targets, "guided_grad_cam" if guided else "grad_cam")
    maps = _maps(asked, layer)
    rows, channels = _pairs(asked, result.targets)
    values, gradients = asked.backward_to(maps, rows, channels)
    places = tuple(range(1, values.ndim - 1))
    weights = gradients.mean(axis=places, keepdims=True)
    images = np.maximum((weights * values).sum(axis=-1), 0)
    if guided or upsampled:
        images = _enlarged(images, asked.pictures.shape[1:-1])
    coverage = None
    if guided:
        asked.network.runtime.require_gradient(asked.layer)
        images = images[..., None] * asked.backward(rows, asked.pictures[rows], channels, "guided")
        coverage = asked.network.coverage("guided", asked.layer)
    shaped = images.reshape(len(asked.pictures), len(result.targets), *images.shape[1:])
    return replace(result, images=shaped.astype(np.float32), maps=maps, coverage=coverage)


def integrated_gradients(
    network: Any,
    feed: Any,
    targets: Targets,
    *,
    baseline: Any = None,
    steps: int = 50,
    scores: str | Layer | None = None,
) -> Attribution:
    """How much each value of the image contributes to a score, compared with a baseline.

    The gradient is averaged along the straight line from the baseline to the image (midpoint rule) and multiplied
    by the difference of the two, so that all contributions sum to the difference of the scores. By how much they
    miss it is in the result.

    Args:
        network, feed, targets, scores: see ``grad_cam``.
        baseline: what stands for no image, in the range of the input: a number, one for each channel, or a picture
            (height, width, channels); by default the darkest value (``Network.value_range``).
        steps: points on the line. The error falls with their square where the network is smooth.

    Returns:
        ``images`` is float32 (images, targets, height, width, input channels), in units of the score, signed.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, no image, or a baseline that does not fit.
        GradientError: no gradient flows from the scores to the image.
        NumericalError: NaN or infinity. ValueError: fewer than one step.
    """
    *_, last = integrated_gradients_steps(network, feed, targets, baseline=baseline, steps=steps, scores=scores)
    return last


def integrated_gradients_steps(
    network: Any,
    feed: Any,
    targets: Targets,
    *,
    baseline: Any = None,
    steps: int = 50,
    scores: str | Layer | None = None,
) -> Iterator[Attribution]:
    """The same as ``integrated_gradients``, a few points of the line at a time.

    Yields:
        The contributions by the points so far, and by how much they miss; zero where none were tried. The points
        come in an order in which the first few already span the line.

    Notes:
        Checks are made at the call, not at the first step.
    """
    _require(steps >= 1, "steps of at least 1", steps=steps)
    asked = Scores.of(network, feed, scores)
    asked.network.runtime.require_gradient(asked.layer)
    result = _empty(asked, targets, "integrated_gradients")
    start = _baseline(asked, baseline)
    way = asked.pictures - start
    before = asked.of_pictures(np.arange(len(start)), start)[:, list(result.targets)]
    stride = -(-steps // TOGETHER)
    order = [step for first in range(stride) for step in range(first, steps, stride)]

    def line(image: int) -> Iterator[np.ndarray]:
        return (start[image] + np.float32((step + 0.5) / steps) * way[image] for step in order)

    def found(index: int, total: int, means: np.ndarray) -> Attribution:
        images = way[:, None] * means
        error = result.scores - before - images.sum(axis=tuple(range(2, images.ndim)))
        known = {"images": images.astype(np.float32), "completeness_error": error.astype(np.float32)}
        return replace(result, index=index, total=total, **known)

    return (found(*each) for each in _mean_gradients(asked, result.targets, line, steps))


def smooth_grad(
    network: Any,
    feed: Any,
    targets: Targets,
    *,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
    scores: str | Layer | None = None,
) -> Attribution:
    """The gradient of a score at the image, averaged over noisy copies of the image.

    Args:
        network, feed, targets, scores: see ``grad_cam``.
        noise: standard deviation of the Gaussian noise, as a fraction of the image's largest less its smallest
            value; 0 gives the plain gradient.
        samples: how many copies.
        seed: of the noise, which is the same for every image and target; the same seed gives the same bytes.

    Returns:
        ``images`` is float32 (images, targets, height, width, input channels), the signed mean of the gradients, in
        units of the score per unit of the input.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, or no image.
        GradientError: no gradient flows from the scores to the image.
        NumericalError: NaN or infinity. ValueError: an option out of range.
    """
    options: dict[str, Any] = {"noise": noise, "samples": samples, "seed": seed, "scores": scores}
    *_, last = smooth_grad_steps(network, feed, targets, **options)
    return last


def smooth_grad_steps(
    network: Any,
    feed: Any,
    targets: Targets,
    *,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
    scores: str | Layer | None = None,
) -> Iterator[Attribution]:
    """The same as ``smooth_grad``, a few copies at a time.

    Yields:
        The mean over the copies so far; zero where none were tried.

    Notes:
        Checks are made at the call, not at the first step.
    """
    _require(noise >= 0, "noise of at least 0", noise=noise)
    _require(samples >= 1, "samples of at least 1", samples=samples)
    asked = Scores.of(network, feed, scores)
    asked.network.runtime.require_gradient(asked.layer)
    result = _empty(asked, targets, "smooth_grad")

    def copies(image: int) -> Iterator[np.ndarray]:
        picture, random = asked.pictures[image], np.random.default_rng(seed)
        deviation = np.float32(noise * np.ptp(picture))
        return (picture + deviation * random.standard_normal(picture.shape, np.float32) for _ in range(samples))

    return (
        replace(result, index=index, total=total, images=means.astype(np.float32))
        for index, total, means in _mean_gradients(asked, result.targets, copies, samples)
    )


def _empty(asked: Scores, targets: Targets, method: str) -> Attribution:
    """The result as far as it is known before the picture."""
    numbers, names = numbers_and_names(asked.network, asked.layer, targets)
    values = asked.of_images()[:, list(numbers)]
    nothing = np.zeros((len(values), len(numbers), 0), np.float32)
    return Attribution(method, asked.layer, asked.softmax_removed, numbers, names, nothing, values)


def _maps(asked: Scores, layer: str | Layer | None) -> Layer:
    found = last_feature_maps(asked.network, asked.layer) if layer is None else asked.network.layer(layer)
    if found is None or not found.spatial_shape:
        received = "a network without one" if found is None else repr(found.name)
        raise LayerError(
            f"Expected a layer with feature maps of several places before {asked.layer.name!r}. "
            f"Received: {received}. Grad-CAM needs one; integrated_gradients and smooth_grad do not."
        )
    return found


def _pairs(asked: Scores, targets: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Every image with every target: the row of the image, and the channel."""
    images = len(asked.pictures)
    return np.repeat(np.arange(images), len(targets)), np.tile(np.array(targets, np.int32), images)


def _mean_gradients(
    asked: Scores, targets: tuple[int, ...], variants: Callable[[int], Iterator[np.ndarray]], count: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Step, number of steps, and the mean gradients over the variants of each image that have been computed.

    The means are float64 (images, targets, height, width, channels).
    """
    together = asked.network.runtime.batches.fixed_size or TOGETHER
    images = range(len(asked.pictures))
    means = np.zeros((len(images), len(targets), *asked.pictures.shape[1:]))
    tasks = [(image, place) for image in images for place in range(len(targets))]
    total = len(tasks) * -(-count // together)
    index = 0
    for image, place in tasks:
        gradients, known, pending = np.zeros(means.shape[2:]), 0, variants(image)
        while some := list(islice(pending, together)):
            rows, channels = np.full(len(some), image), np.full(len(some), targets[place], np.int32)
            gradients += asked.backward(rows, np.stack(some), channels).sum(axis=0, dtype=np.float64)
            known += len(some)
            means[image, place] = gradients / known
            yield index, total, means
            index += 1


def _baseline(asked: Scores, baseline: Any) -> np.ndarray:
    value = asked.network.value_range()[0] if baseline is None else baseline
    try:
        return np.broadcast_to(np.asarray(value, np.float32), asked.pictures.shape)
    except ValueError as error:
        raise FeedError(
            f"Expected a baseline that fits images of shape {asked.pictures.shape[1:]}. Received: shape "
            f"{np.shape(value)}. Pass a number, one for each channel, or a picture of that shape."
        ) from error


def _enlarged(maps: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Maps (rows, height, width) at other sizes, linearly along each axis, pixels being areas (not points)."""
    for axis, size in enumerate(sizes, start=1):
        length = maps.shape[axis]
        centres = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        below = np.minimum(centres.astype(int), max(length - 2, 0))
        part = (centres - below).reshape(-1, *(1,) * (maps.ndim - axis - 1))
        above = np.minimum(below + 1, length - 1)
        maps = maps.take(below, axis) * (1 - part) + maps.take(above, axis) * part
    return maps


def _require(holds: bool, expected: str, **received: float) -> None:
    if not holds:
        [(name, value)] = received.items()
        raise ValueError(f"Expected {expected}. Received: {name}={value!r}.")
