"""Integrated gradients, with as many steps as completeness needs.

The contributions of a picture should add up to the difference of two scores. Where a network has many kinks, as ReLU6
has, no usual number of equal steps achieves that. So the line from the baseline to the image is divided where it
matters: the scores at the ends of an interval tell exactly what its contributions should add up to, and the interval
that misses most is halved first.

References:
    [1] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017,
        arXiv 1703.01365 (integrated gradients, completeness).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import checked, require_counts
from ...errors import OptionError
from ...results import Attribution, Head, Layer
from ..network.channels import whole_number
from ..network.targets import BoundTargets, Targets
from .baselines import baseline_of
from .class_scores import BATCH, ClassScores, attribution_without_images

_FIRST = 32
"""Points of the first pass, where their number is not given."""

_MOST = 512
"""Points after which the gap is told rather than closed."""

_HALVED = 4
"""Intervals that are halved together."""


@checked
def integrated_gradients(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    baseline: ArrayLike | str | None = None,
    steps: int | None = None,
    tolerance: float = 0.01,
    scores: str | Layer | Head | None = None,
) -> Attribution:
    """Measure how much each value of the image contributes to a score, compared with a baseline.

    The function averages the gradient along the straight line from the baseline to the image (midpoint rule) and
    multiplies it by their difference. The contributions of infinitely many steps add up to the difference of the two
    scores. By default steps become finer, where the line needs it, until the sum misses that difference by
    ``tolerance`` at most; ``completeness_error`` of the result says by how much it does.

    Args:
        network, feed, targets, scores: see ``grad_cam``.
        baseline: the image that means 'nothing', in the range of the input: a number, one for each channel, or a
            picture (height, width, channels); by default the darkest value (``Network.value_range``).
        steps: the number of points on the line, all equally far apart; by default as many as ``tolerance`` takes,
            where they are needed, but no more than about 500.
        tolerance: the part of the difference of the scores that the sum may miss, where ``steps`` is not given.

    Returns:
        ``images`` is float32 (images, targets, height, width, input channels), in units of the score, signed.
        ``points`` tells how many gradients each picture took.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, no image, or a baseline that does not fit.
        GradientError: no gradient flows from the scores to the image.
        NumericalError: NaN or infinity. OptionError: fewer than one step, or a tolerance of 0 or less.

    Notes:
        The paper takes 20 to 300 equal steps and asks that the sum is within 5 % of the difference. On a network with
        many kinks 450 equal steps may miss that, and a few more or less change the sum by chance. Both scores may be
        almost equal; then the part of their difference is no useful limit, and the result tells the gap.

    References:
        [1] M. Sundararajan, A. Taly and Q. Yan, ICML 2017, arXiv 1703.01365.

    Example:
        >>> from cnnvis_widgets import demo, integrated_gradients, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> result = integrated_gradients(network, None, 3)
        >>> result.images.shape, bool(result.completeness_gap[0, 0] <= 0.01)
        ((1, 1, 32, 32, 1), True)
    """
    options: dict[str, Any] = {"baseline": baseline, "steps": steps, "tolerance": tolerance, "scores": scores}
    *_, last = integrated_gradients_steps(network, feed, targets, **options)
    return last


def integrated_gradients_steps(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    baseline: ArrayLike | str | None = None,
    steps: int | None = None,
    tolerance: float = 0.01,
    scores: str | Layer | Head | None = None,
) -> Iterator[Attribution]:
    """Do the same as ``integrated_gradients``, a few points of the line at a time.

    Yields:
        The contributions according to the points so far, with their completeness error; zero for images and targets
        without any point so far. Even the first few points span the whole line. ``total`` grows while steps become
        finer.

    Notes:
        The call checks its arguments, before the first step.
    """
    if steps is not None and (whole_number(steps) or 0) < 1:
        raise OptionError(f"Expected steps of at least 1, or None. Received: steps={steps!r}.")
    require_counts(steps=steps)
    if not tolerance > 0:
        raise OptionError(f"Expected a tolerance above 0. Received: tolerance={tolerance!r}. Give steps= instead.")
    class_scores = ClassScores.of(network, feed, scores)
    class_scores.network.runtime.require_gradient(class_scores.layer)
    bound = class_scores.bound(targets)
    start = baseline_of(class_scores, baseline)
    start_scores = class_scores.at_targets(np.arange(len(start)), start, bound)[0]
    result = attribution_without_images(class_scores, bound, "integrated_gradients")
    result = replace(result, images=np.zeros((*result.scores.shape, *start.shape[1:]), np.float32))
    allowed = tolerance if steps is None else None
    return _Integration(class_scores, bound, start, start_scores, steps or _FIRST, allowed, result).steps()


@dataclass(frozen=True)
class _Interval:
    """A part of the line, from ``start`` to ``end``: the scores at these and in the middle, and the slope."""

    start: float
    end: float
    start_score: float
    end_score: float
    middle_score: float
    slope: float

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    @property
    def length(self) -> float:
        return self.end - self.start

    @property
    def error(self) -> float:
        """The change of the score, less what the slope in the middle says of it."""
        return self.end_score - self.start_score - self.length * self.slope


@dataclass(frozen=True, eq=False)
class _Line:
    """The straight line from the baseline to one image, and the score of one target along it."""

    class_scores: ClassScores
    row: int
    channel: int
    weights: np.ndarray
    start: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """From the baseline to the image."""
        return self.class_scores.images[self.row] - self.start

    def scores(self, positions: Sequence[float] | np.ndarray) -> np.ndarray:
        """The scores at these positions, 0 to 1: float32 (positions,)."""
        rows = np.full(len(positions), self.row)
        return self.class_scores.of_variants(rows, self._variants(positions), self.weights)[0][:, self.channel]

    def gradients(self, positions: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The gradients and the scores at these positions, and how fast the scores change along the line there."""
        rows = np.full(len(positions), self.row)
        channels, weights = np.full(len(rows), self.channel, np.int32), np.tile(self.weights, (len(rows), 1))
        gradients, scores = self.class_scores.backward_with_scores(rows, self._variants(positions), channels, weights)
        products = gradients.astype(np.float64) * self.difference
        return gradients, scores, products.reshape(len(rows), -1).sum(axis=1)

    def equal_steps(self, count: int, batch: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Compute the gradients in the middles of equal intervals, a few at a time.

        Yields:
            The mean gradient so far, float64; the scores and the slopes in the middles, (count,), NaN where not known.
        """
        total, known = np.zeros(self.start.shape), 0
        scores, slopes = np.full(count, np.nan), np.full(count, np.nan)
        for chunk in _spread(count, batch):
            gradients, scores[chunk], slopes[chunk] = self.gradients((chunk + 0.5) / count)
            total, known = total + gradients.sum(axis=0, dtype=np.float64), known + len(chunk)
            yield total / known, scores, slopes

    def _variants(self, positions: Sequence[float] | np.ndarray) -> np.ndarray:
        return np.stack([self.start + np.float32(position) * self.difference for position in positions])


@dataclass(frozen=True, eq=False)
class _Integration:
    """One checked request.

    Attributes:
        start: the baseline of each image.
        start_scores: float32 (images, targets).
        first: how many intervals of equal length each line has at the beginning.
        tolerance: see ``integrated_gradients``; ``None`` if the intervals stay as they are.
        result: without any contribution.
    """

    class_scores: ClassScores
    targets: BoundTargets
    start: np.ndarray
    start_scores: np.ndarray
    first: int
    tolerance: float | None
    result: Attribution

    def steps(self) -> Iterator[Attribution]:
        images, points = self.result.images.copy(), np.zeros(self.targets.channels.shape, int)
        tasks = list(np.ndindex(points.shape))
        least = -(-self.first // self._batch)  # steps of a line that is not refined
        index = 0
        for number, task in enumerate(tasks):
            for contributions, count, finished in self._along(*task):
                images[task], points[task] = contributions, count
                error = (
                    self.result.scores - self.start_scores - images.sum(axis=tuple(range(2, images.ndim)), dtype=float)
                )
                arrays = {"images": images.copy(), "points": points.copy(), "completeness_error": np.float32(error)}
                total = index + 1 + (0 if finished else max(1, (number + 1) * least - index - 1))
                yield replace(self.result, index=index, total=total + (len(tasks) - number - 1) * least, **arrays)
                index += 1

    def _along(self, image: int, target: int) -> Iterator[tuple[np.ndarray, int, bool]]:
        """The contributions so far of one target, how many gradients they took, and whether that is all."""
        channel, weights = int(self.targets.channels[image, target]), self.targets.weights[target]
        line = _Line(self.class_scores, image, channel, weights, self.start[image])
        for mean, *middles in line.equal_steps(self.first, self._batch):
            count = int(np.isfinite(middles[1]).sum())
            yield line.difference * mean, count, self.tolerance is None and count == self.first
        if self.tolerance is None:
            return
        within = line.scores(np.arange(1, self.first) / self.first) if self.first > 1 else ()
        ends = [self.start_scores[image, target], *within, self.result.scores[image, target]]
        intervals, allowed = _intervals(ends, *middles), self.tolerance * abs(ends[-1] - ends[0])
        while _missed(intervals) > allowed and count < _MOST:
            change, intervals = _halved(line, intervals)
            mean, count = mean + change, count + 3 * _HALVED
            yield line.difference * mean, count, False
        yield line.difference * mean, count, True

    @property
    def _batch(self) -> int:
        return self.class_scores.network.runtime.batches.fixed_size or BATCH


def _spread(count: int, batch: int) -> list[np.ndarray]:
    """The numbers below ``count`` in chunks, each of which is spread over all of them."""
    stride = -(-count // batch)
    order = np.array([step for first in range(stride) for step in range(first, count, stride)])
    return [order[first : first + batch] for first in range(0, count, batch)]


def _intervals(ends: Sequence[float], middles: np.ndarray, slopes: np.ndarray) -> list[_Interval]:
    """Equal intervals from 0 to 1, from the scores at their ends and in their middles."""
    count = len(middles)
    return [
        _Interval(at / count, (at + 1) / count, *map(float, (ends[at], ends[at + 1], middles[at], slopes[at])))
        for at in range(count)
    ]


def _missed(intervals: list[_Interval]) -> float:
    """How far the contributions of all intervals are from adding up."""
    return abs(sum(interval.error for interval in intervals))


def _halved(line: _Line, intervals: list[_Interval]) -> tuple[np.ndarray, list[_Interval]]:
    """Halve the intervals that miss most: how that changes the mean gradient, and the new intervals.

    The gradient in the middle of each old interval is computed once more, to be taken back: to keep all gradients would
    take the memory of hundreds of images.
    """
    ordered = sorted(intervals, key=lambda interval: -abs(interval.error))
    worst, result = ordered[:_HALVED], ordered[_HALVED:]
    positions = [old.start + part * old.length for old in worst for part in (0.5, 0.25, 0.75)]
    lengths = [part * old.length for old in worst for part in (-1, 0.5, 0.5)]
    gradients, scores, slopes = line.gradients(positions)
    for old, (_, *middles), (_, *sides) in zip(worst, scores.reshape(-1, 3), slopes.reshape(-1, 3), strict=True):
        left, right = (tuple(map(float, pair)) for pair in zip(middles, sides, strict=True))
        result.append(_Interval(old.start, old.middle, old.start_score, old.middle_score, *left))
        result.append(_Interval(old.middle, old.end, old.middle_score, old.end_score, *right))
    return np.tensordot(lengths, gradients, axes=1), result
