"""Occlusion: hide one part of the image after another and record the predictions.

References:
    [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", section 4.2 and
        figure 7, ECCV 2014, DOI 10.1007/978-3-319-10590-1_53.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ...arguments import checked
from ...errors import FeedError, OptionError
from ...results import Head, Layer, Occlusion
from ..network.channels import whole_number
from ..network.targets import BoundTargets, Targets
from .by_class import sureness
from .class_scores import BATCH, ClassScores, attribution_without_images
from .last_maps import last_feature_maps, require_from_image

Sides = int | Sequence[int] | None
_SWEEP_BATCH = 4 * BATCH  # no gradients, so that a picture takes less memory


@checked
def occlusion(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    size: Sides = None,
    stride: Sides = None,
    fill: Any = None,
    layer: str | Layer | None = None,
    scores: str | Layer | Head | None = None,
) -> Occlusion:
    """Slide a square over the image and record the scores, as in figure 7 of Zeiler and Fergus.

    The result holds three panels of that figure: (b) the total activation of the strongest map of a layer, (d) the
    probability of each target and (e) the most probable class. ``reconstruct`` of the map gives panel (c).

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: the images and other inputs (see ``load``); ``None`` for those given to ``load``.
        targets: class numbers or names, or ``Target`` for a place of a map, one or several; by default the class that
            the network is surest of in each image.
        size: the sides of the square in pixels, one number or one for each spatial axis; by default 1/7 of the image.
        stride: pixels from one place to the next; by default a quarter of ``size``. The last place of each axis ends
            at the border, so that the places cover the whole image.
        fill: the colour of the square, in the range of the input: a number or one for each channel; by default the
            middle of the range (``Network.value_range``), which is grey.
        layer: the layer whose strongest map is followed; by default the last one before the scores that has maps of
            several places.
        scores: the name of a head, or the layer whose channels are the targets; ``None`` for the main head. Scores
            before the activation that saturates are explained, and the result says so.

    Returns:
        The finished sweep; see ``Occlusion``.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, no image, or a fill that does not fit.
        NumericalError: NaN or infinity. OptionError: a size or stride out of range.

    Notes:
        The paper fills the square with the mean of its training images, which a network does not store. The pictures
        are means over squares. Some programs sum instead; then the border seems to matter less, because fewer
        squares reach it.

    References:
        [1] M. D. Zeiler and R. Fergus, ECCV 2014, section 4.2, DOI 10.1007/978-3-319-10590-1_53.

    Example:
        >>> from cnnvis_widgets import demo, load, occlusion
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> sweep = occlusion(network, None, 3, size=16, stride=8)
        >>> sweep.scores.shape, sweep.attribution.images.shape
        ((1, 1, 3, 3), (1, 1, 32, 32))
    """
    options: dict[str, Any] = {"size": size, "stride": stride, "fill": fill, "layer": layer, "scores": scores}
    *_, last = occlusion_steps(network, feed, targets, **options)
    return last


@checked
def occlusion_steps(
    network: Any,
    feed: Any = None,
    targets: Targets = None,
    *,
    size: Sides = None,
    stride: Sides = None,
    fill: Any = None,
    layer: str | Layer | None = None,
    scores: str | Layer | Head | None = None,
) -> Iterator[Occlusion]:
    """Do the same as ``occlusion``, a few places at a time: image after image, row after row.

    Yields:
        The sweep so far. What is not computed yet is NaN, or -1 where it is an integer.

    Notes:
        The call checks its arguments, before the first step.

    Example:
        >>> from cnnvis_widgets import demo, load, occlusion_steps
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> steps = occlusion_steps(network, None, 3, size=8, stride=4)
        >>> [(step.index, step.total) for step in steps]
        [(0, 4), (1, 4), (2, 4), (3, 4)]
    """
    class_scores = ClassScores.of(network, feed, scores)
    network, images = class_scores.network, class_scores.images
    bound = class_scores.bound(targets)
    maps = last_feature_maps(network, class_scores.layer) if layer is None else network.layer(layer)
    if maps is not None:
        require_from_image(network, maps)
    sides = images.shape[1:-1]
    if not sides:
        raise FeedError(
            f"Expected images with height and width. Received: shape {images.shape}. "
            "A flat input has no neighbourhoods to hide."
        )
    square = _per_axis("size", size, [max(round(side / 7), 1) for side in sides], sides)
    move = _per_axis("stride", stride, [max(round(side / 4), 1) for side in square], sides)
    corners = tuple(_corners(*axis) for axis in zip(sides, square, move, strict=True))
    return _Sweep(class_scores, bound, maps, square, corners, fill_of(class_scores, fill)).steps()


@dataclass(frozen=True, eq=False)
class _Sweep:
    """One checked request."""

    class_scores: ClassScores
    targets: BoundTargets
    maps: Layer | None
    square: tuple[int, ...]
    corners: tuple[np.ndarray, ...]
    fill: np.ndarray

    def steps(self) -> Iterator[Occlusion]:
        sweep = self._before_the_first_place()
        places = list(product(*(range(len(axis)) for axis in self.corners)))
        batch = self.class_scores.network.runtime.batches.fixed_size or _SWEEP_BATCH
        images = range(len(self.class_scores.images))
        tasks = [(image, start) for image in images for start in range(0, len(places), batch)]
        falls = np.zeros(sweep.attribution.images.shape)  # summed over the squares that covered a pixel
        counts = np.zeros_like(falls)
        for index, (image, start) in enumerate(tasks):
            chunk = places[start : start + batch]
            self._record(sweep, image, chunk)
            for place in chunk:
                window: Any = (image, slice(None), *self._window(place))
                at: Any = (image, slice(None), *place)
                fall = sweep.attribution.scores[image] - sweep.scores[at]
                falls[window] += fall.reshape(-1, *(1,) * len(place))
                counts[window] += 1
            means = np.divide(falls, counts, out=np.full_like(falls, np.nan), where=counts > 0)
            yield _snapshot(sweep, means.astype(np.float32), index, len(tasks))

    def _before_the_first_place(self) -> Occlusion:
        """The scores of the whole images; everything else is unknown and will be written in place."""
        class_scores, images = self.class_scores, len(self.class_scores.images)
        grid = tuple(map(len, self.corners))

        def unknown(*shape: int) -> np.ndarray:
            return np.full(shape, np.nan, np.float32)

        _, *maps = self._scores_and_maps(np.arange(images), class_scores.images)
        attribution = attribution_without_images(class_scores, self.targets, "occlusion")
        shape = *self.targets.channels.shape, *class_scores.images.shape[1:-1]
        attribution = replace(attribution, images=unknown(*shape))
        of_targets = *self.targets.channels.shape, *grid
        return Occlusion(
            attribution,
            self.square,
            self.corners,
            scores=unknown(*of_targets),
            probabilities=None if class_scores.head.meaning == "values" else unknown(*of_targets),
            best=np.full((images, *grid), -1),
            maps=self.maps,
            map_channels=maps[0].argmax(axis=-1) if maps else np.zeros(0, int),
            map_totals=unknown(images, *grid),
            index=0,
            total=0,
        )

    def _scores_and_maps(self, rows: np.ndarray, variants: np.ndarray) -> list[Any]:
        """Scores and probabilities and, if a layer is followed, the largest value and the sum of each map."""
        first = self.targets.weights[0]
        if self.maps is None:
            return [self.class_scores.of_variants(rows, variants, first)]
        return list(self.class_scores.with_map_summaries(rows, variants, self.maps, first))

    def _record(self, sweep: Occlusion, image: int, places: list[tuple[int, ...]]) -> None:
        variants = np.stack([self._hidden(image, place) for place in places])
        rows, at = np.full(len(places), image), tuple(np.transpose(places))
        by_class, *maps = self._scores_and_maps(rows, variants)
        sweep.best[image][at] = sureness(self.class_scores.head, *by_class).argmax(axis=-1)
        for index, (weights, members) in enumerate(self.targets.by_place()):
            at_place = by_class if index == 0 else self.class_scores.of_variants(rows, variants, weights)
            for member in members:
                self._record_target(sweep, (image, member, *at), at_place)
        if maps:
            sweep.map_totals[image][at] = maps[1][:, sweep.map_channels[image]]

    def _record_target(self, sweep: Occlusion, at: Any, by_class: tuple[np.ndarray, np.ndarray | None]) -> None:
        channel = self.targets.channels[at[0], at[1]]
        scores, probabilities = by_class
        sweep.scores[at] = scores[:, channel]
        if sweep.probabilities is not None and probabilities is not None:
            sweep.probabilities[at] = probabilities[:, channel]

    def _window(self, place: tuple[int, ...]) -> tuple[slice, ...]:
        firsts = [int(axis[index]) for axis, index in zip(self.corners, place, strict=True)]
        return tuple(slice(first, first + side) for first, side in zip(firsts, self.square, strict=True))

    def _hidden(self, image: int, place: tuple[int, ...]) -> np.ndarray:
        variant = self.class_scores.images[image].copy()
        variant[self._window(place)] = self.fill
        return variant


def _snapshot(sweep: Occlusion, images: np.ndarray, index: int, total: int) -> Occlusion:
    """The sweep so far, with copies of its arrays: later places must not change it."""
    return replace(
        sweep,
        attribution=replace(sweep.attribution, images=images),
        scores=sweep.scores.copy(),
        probabilities=None if sweep.probabilities is None else sweep.probabilities.copy(),
        best=sweep.best.copy(),
        map_totals=sweep.map_totals.copy(),
        index=index,
        total=total,
    )


def _corners(length: int, side: int, stride: int) -> np.ndarray:
    """The first pixel of the square at every place of an axis; the last square ends at the border."""
    return np.array([*range(0, length - side, stride), length - side])


def _per_axis(name: str, value: Sides, default: list[int], limits: tuple[int, ...]) -> tuple[int, ...]:
    given = [value] * len(limits) if isinstance(value, int | np.integer) else value
    sides = default if given is None else [whole_number(side) or 0 for side in given] if np.iterable(given) else []
    if len(sides) != len(limits) or not all(1 <= side <= limit for side, limit in zip(sides, limits, strict=True)):
        raise OptionError(
            f"Expected {name} from 1 to {' x '.join(map(str, limits))} pixels, one number or one for each of "
            f"{len(limits)} axes. Received: {name}={value!r}."
        )
    return tuple(int(side) for side in sides)


def fill_of(class_scores: ClassScores, fill: Any) -> np.ndarray:
    """The colour of the square, a number or one for each channel; by default the middle of the range."""
    low, high = class_scores.network.value_range()
    channels = class_scores.images.shape[-1]
    try:
        value = np.asarray((low + high) / 2 if fill is None else fill, np.float32)
    except (TypeError, ValueError) as error:
        raise FeedError(
            f"Expected fill as a number or one for each of {channels} channels. Received: {fill!r}."
        ) from error
    if value.shape not in ((), (1,), (channels,)):
        raise FeedError(
            f"Expected fill as a number or one for each of {channels} channels. Received: shape {value.shape}."
        )
    return value
