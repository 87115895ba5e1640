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

from ...errors import FeedError
from ...results import Attribution, Layer, Occluded, Occlusion, Predictions
from .class_scores import (
    BATCH,
    ClassScores,
    Targets,
    last_feature_maps,
    numbers_and_names,
)
from .predictions import predictions_of

Sides = int | Sequence[int] | None
_SWEEP_BATCH = 4 * BATCH  # no gradients, so that a picture takes less memory


def occlusion(
    network: Any,
    feed: Any,
    targets: Targets,
    *,
    size: Sides = None,
    stride: Sides = None,
    fill: Any = None,
    layer: str | Layer | None = None,
    scores: str | Layer | None = None,
) -> Occlusion:
    """Slide a square over the image and record the scores, as in figure 7 of Zeiler and Fergus.

    The result holds three panels of that figure: (b) the total activation of the strongest map of a layer, (d) the
    probability of each target and (e) the most probable class. ``reconstruct`` of the map gives panel (c).

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: the images and other inputs (see ``load``); ``None`` for those given to ``load``.
        targets: channel numbers or class names, one or several.
        size: the sides of the square in pixels, one number or one for each spatial axis; by default 1/7 of the image.
        stride: pixels from one place to the next; by default a quarter of ``size``. The last place of each axis ends
            at the border, so that the places cover the whole image.
        fill: the colour of the square, in the range of the input: a number or one for each channel; by default the
            middle of the range (``Network.value_range``), which is grey.
        layer: the layer whose strongest map is followed; by default the last one before the scores that has maps of
            several places.
        scores: the layer whose channels are the targets; by default the logits. A softmax is replaced by its
            logits, and the result says so.

    Returns:
        The finished sweep; see ``Occlusion``.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, no image, or a fill that does not fit.
        NumericalError: NaN or infinity. ValueError: a size or stride out of range.

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


def occlusion_steps(
    network: Any,
    feed: Any,
    targets: Targets,
    *,
    size: Sides = None,
    stride: Sides = None,
    fill: Any = None,
    layer: str | Layer | None = None,
    scores: str | Layer | None = None,
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
    numbers, names = numbers_and_names(class_scores.head, targets)
    maps = last_feature_maps(network, class_scores.layer) if layer is None else network.layer(layer)
    sides = images.shape[1:-1]
    if not sides:
        raise FeedError(
            f"Expected images with height and width. Received: shape {images.shape}. "
            "A flat input has no neighbourhoods to hide."
        )
    square = _per_axis("size", size, [max(round(side / 7), 1) for side in sides], sides)
    move = _per_axis("stride", stride, [max(round(side / 4), 1) for side in square], sides)
    corners = tuple(_corners(*axis) for axis in zip(sides, square, move, strict=True))
    return _Sweep(class_scores, numbers, names, maps, square, corners, _fill(class_scores, fill)).steps()


@dataclass(frozen=True, eq=False)
class _Sweep:
    """One checked request."""

    class_scores: ClassScores
    targets: tuple[int, ...]
    names: tuple[str, ...]
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

        (scores, probabilities), *maps = self._scores_and_maps(np.arange(images), class_scores.images)
        attribution = Attribution(
            "occlusion",
            class_scores.layer,
            class_scores.head.activation,
            self.targets,
            self.names,
            unknown(images, len(self.targets), *class_scores.images.shape[1:-1]),
            scores[:, list(self.targets)],
        )
        of_targets = images, len(self.targets), *grid
        return Occlusion(
            attribution,
            self.square,
            self.corners,
            scores=unknown(*of_targets),
            probabilities=None if probabilities is None else unknown(*of_targets),
            best=np.full((images, *grid), -1),
            maps=self.maps,
            map_channels=maps[0].argmax(axis=-1) if maps else np.zeros(0, int),
            map_totals=unknown(images, *grid),
            index=0,
            total=0,
        )

    def _scores_and_maps(self, rows: np.ndarray, variants: np.ndarray) -> list[Any]:
        """Scores and probabilities and, if a layer is followed, the largest value and the sum of each map."""
        if self.maps is None:
            return [self.class_scores.of_variants(rows, variants)]
        return list(self.class_scores.with_map_summaries(rows, variants, self.maps))

    def _record(self, sweep: Occlusion, image: int, places: list[tuple[int, ...]]) -> None:
        variants = np.stack([self._hidden(image, place) for place in places])
        (scores, probabilities), *maps = self._scores_and_maps(np.full(len(places), image), variants)
        at = tuple(np.transpose(places))
        sweep.best[image][at] = scores.argmax(axis=-1)
        for index, channel in enumerate(self.targets):
            sweep.scores[image, index][at] = scores[:, channel]
            if sweep.probabilities is not None and probabilities is not None:
                sweep.probabilities[image, index][at] = probabilities[:, channel]
        if maps:
            sweep.map_totals[image][at] = maps[1][:, sweep.map_channels[image]]

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
    sides = default if value is None else [value] * len(limits) if isinstance(value, int | np.integer) else list(value)
    if len(sides) != len(limits) or not all(1 <= side <= limit for side, limit in zip(sides, limits, strict=True)):
        raise ValueError(
            f"Expected {name} from 1 to {' x '.join(map(str, limits))} pixels, one number or one for each of "
            f"{len(limits)} axes. Received: {name}={value!r}."
        )
    return tuple(int(side) for side in sides)


def _fill(class_scores: ClassScores, fill: Any) -> np.ndarray:
    low, high = class_scores.network.value_range()
    channels = class_scores.images.shape[-1]
    value = np.asarray((low + high) / 2 if fill is None else fill, np.float32)
    if value.shape not in ((), (1,), (channels,)):
        raise FeedError(
            f"Expected fill as a number or one for each of {channels} channels. Received: shape {value.shape}."
        )
    return value


class Occluder:
    """A network with one image, ready to compute the predictions at once when a part of the image is hidden.

    Args:
        network, feed, layer, fill: as for ``occlusion``; only the first image of the feed is used.

    Attributes:
        before: the predictions for the whole image.
        maps: the layer whose strongest map is followed, or ``None``.
        channel, map_before: that map: its number and its values in the whole image.

    Raises:
        LayerError, FeedError: no such layer, no image, or a fill that does not fit. NumericalError: NaN or infinity.
    """

    def __init__(self, network: Any, feed: Any, *, layer: str | Layer | None = None, fill: Any = None) -> None:
        class_scores = self._class_scores = ClassScores.of(network, feed, None)
        network = class_scores.network
        self._fill = _fill(class_scores, fill)
        self.maps = last_feature_maps(network, class_scores.layer) if layer is None else network.layer(layer)
        self.before, maps = self._predictions_and_maps(class_scores.images[:1])
        self.channel = None if maps is None else int(maps.reshape(-1, maps.shape[-1]).max(axis=0).argmax())
        self.map_before = None if maps is None else maps[..., self.channel]

    def at(self, box: Sequence[int]) -> Occluded:
        """Hide (left, top, width, height), in pixels, and compute the predictions; see ``occlude``."""
        images = self._class_scores.images
        sides = images.shape[1:-1]
        if len(sides) != 2:
            raise FeedError(f"Expected images with height and width. Received: shape {images.shape}.")
        left, top, width, height = (int(number) for number in box)
        if min(width, height) < 1 or not (-width < left < sides[1] and -height < top < sides[0]):
            raise ValueError(
                f"Expected (left, top, width, height) that covers some of {sides[0]} x {sides[1]} pixels. "
                f"Received: box={tuple(box)!r}."
            )
        hidden = images[:1].copy()
        hidden[0, max(0, top) : top + height, max(0, left) : left + width] = self._fill
        after, maps = self._predictions_and_maps(hidden)
        map_after = None if maps is None else maps[..., self.channel]
        hidden_box = left, top, width, height
        return Occluded(hidden_box, self.before, after, self.maps, self.channel, self.map_before, map_after)

    def _predictions_and_maps(self, variant: np.ndarray) -> tuple[Predictions, np.ndarray | None]:
        rows, class_scores = np.zeros(1, int), self._class_scores
        if self.maps is None:
            return predictions_of(class_scores.head, *class_scores.of_variants(rows, variant)), None
        by_class, maps = class_scores.with_maps(rows, variant, self.maps)
        return predictions_of(class_scores.head, *by_class), maps[0]


def occlude(
    network: Any, feed: Any, box: Sequence[int], *, layer: str | Layer | None = None, fill: Any = None
) -> Occluded:
    """Compare the predictions before and after one part of an image is hidden.

    Args:
        network, layer, fill: see ``occlusion``.
        feed: see ``load``; only the first image is used.
        box: (left, top, width, height) in pixels of the image as fed; it may reach over the border.

    Returns:
        The predictions and the strongest map of the layer, before and after.

    Raises:
        LayerError, FeedError: no such layer, no image with height and width, or a fill that does not fit.
        NumericalError: NaN or infinity. ValueError: a box that hides nothing.

    Example:
        >>> from cnnvis_widgets import demo, load, occlude
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> occlude(network, None, (8, 8, 16, 16)).map_after.shape
        (8, 8)
    """
    return Occluder(network, feed, layer=layer, fill=fill).at(box)
