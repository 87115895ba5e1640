"""Occlusion: hide one part of the image after another and watch what the network says.

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
from .class_scores import TOGETHER, Scores, Targets, last_feature_maps, numbers_and_names, softmax
from .predictions import predictions_of

Sides = int | Sequence[int] | None


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

    Of the panels of that figure the result holds (b) the total activation of the strongest map of a layer, (d)
    the probability of each target and (e) the most probable class; panel (c) is ``reconstruct`` of that map.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        targets: channel numbers or class names, one or several.
        size: of the square in pixels, one number or one for each spatial axis; by default 1/7 of the image.
        stride: from one place to the next; by default a quarter of ``size``. The last place of each axis is moved
            to the border, so that all of the image is covered.
        fill: what hides, in the range of the input: a number or one for each channel; by default the middle of the
            range (``Network.value_range``), which is grey.
        layer: whose strongest map is followed; by default the last one before the scores that has places.
        scores: the layer whose channels are the targets; by default the logits. A softmax is replaced by its
            logits, and the result says so.

    Returns:
        The finished sweep; see ``Occlusion``.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, no image, or a fill that does not fit.
        NumericalError: NaN or infinity. ValueError: a size or stride out of range.

    Notes:
        The paper greys out with the mean of its training images, which a network does not tell. The pictures are
        means over squares, not sums as in some programs, where the border seems to matter less because fewer
        squares reach it.
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
    """The same as ``occlusion``, a few places at a time: image after image, row after row.

    Yields:
        What is known so far; what is not yet known is NaN, or -1 where it is an integer.

    Notes:
        Checks are made at the call, not at the first step.
    """
    asked = Scores.of(network, feed, scores)
    numbers, names = numbers_and_names(asked.network, asked.layer, targets)
    maps = last_feature_maps(asked.network, asked.layer) if layer is None else asked.network.layer(layer)
    sides = asked.pictures.shape[1:-1]
    if not sides:
        raise FeedError(
            f"Expected images with height and width. Received: shape {asked.pictures.shape}. "
            "A flat input has no neighbourhoods to hide."
        )
    square = _per_axis("size", size, [max(round(side / 7), 1) for side in sides], sides)
    move = _per_axis("stride", stride, [max(round(side / 4), 1) for side in square], sides)
    corners = tuple(_corners(*each) for each in zip(sides, square, move, strict=True))
    return _Sweep(asked, numbers, names, maps, square, corners, _fill(asked, fill)).steps()


@dataclass(frozen=True, eq=False)
class _Sweep:
    """One request, checked."""

    asked: Scores
    targets: tuple[int, ...]
    names: tuple[str, ...]
    maps: Layer | None
    square: tuple[int, ...]
    corners: tuple[np.ndarray, ...]
    fill: np.ndarray

    def steps(self) -> Iterator[Occlusion]:
        found = self._nothing()
        places = list(product(*(range(len(each)) for each in self.corners)))
        together = self.asked.network.runtime.batches.fixed_size or 4 * TOGETHER
        images = range(len(self.asked.pictures))
        tasks = [(image, start) for image in images for start in range(0, len(places), together)]
        falls = np.zeros(found.attribution.images.shape)  # their sum over the squares that covered a pixel
        counts = np.zeros_like(falls)
        for index, (image, start) in enumerate(tasks):
            some = places[start : start + together]
            self._record(found, image, some)
            for place in some:
                window: Any = (image, slice(None), *self._window(place))
                at: Any = (image, slice(None), *place)
                fall = found.attribution.scores[image] - found.scores[at]
                falls[window] += fall.reshape(-1, *(1,) * len(place))
                counts[window] += 1
            means = np.divide(falls, counts, out=np.full_like(falls, np.nan), where=counts > 0)
            yield _copied(found, means.astype(np.float32), index, len(tasks))

    def _nothing(self) -> Occlusion:
        """The scores of the images as they are; all else is unknown, and will be written in place."""
        asked, images = self.asked, len(self.asked.pictures)
        grid = tuple(map(len, self.corners))

        def unknown(*shape: int) -> np.ndarray:
            return np.full(shape, np.nan, np.float32)

        scores, *maps = self._seen(np.arange(images), asked.pictures)
        strongest = maps[0].argmax(axis=-1) if maps else np.zeros(0, int)
        attribution = Attribution(
            "occlusion",
            asked.layer,
            asked.softmax_removed,
            self.targets,
            self.names,
            unknown(images, len(self.targets), *asked.pictures.shape[1:-1]),
            scores[:, list(self.targets)],
        )
        of_targets = images, len(self.targets), *grid
        return Occlusion(
            attribution,
            self.square,
            self.corners,
            unknown(*of_targets),
            unknown(*of_targets) if asked.softmax_removed else None,
            np.full((images, *grid), -1),
            self.maps,
            strongest,
            unknown(images, *grid),
            0,
            0,
        )

    def _seen(self, rows: np.ndarray, pictures: np.ndarray) -> list[np.ndarray]:
        """The scores, and of each map, if there is a layer with maps, the largest value and the sum."""
        if self.maps is None:
            return [self.asked.of_pictures(rows, pictures)]
        return list(self.asked.summaries(rows, pictures, self.maps))

    def _record(self, found: Occlusion, image: int, places: list[tuple[int, ...]]) -> None:
        hidden = np.stack([self._hidden(image, place) for place in places])
        scores, *maps = self._seen(np.full(len(places), image), hidden)
        at = tuple(np.transpose(places))
        found.best[image][at] = scores.argmax(axis=-1)
        for index, channel in enumerate(self.targets):
            found.scores[image, index][at] = scores[:, channel]
            if found.probabilities is not None:
                found.probabilities[image, index][at] = softmax(scores)[:, channel]
        if maps:
            found.map_totals[image][at] = maps[1][:, found.map_channels[image]]

    def _window(self, place: tuple[int, ...]) -> tuple[slice, ...]:
        firsts = [int(each[index]) for each, index in zip(self.corners, place, strict=True)]
        return tuple(slice(first, first + side) for first, side in zip(firsts, self.square, strict=True))

    def _hidden(self, image: int, place: tuple[int, ...]) -> np.ndarray:
        picture = self.asked.pictures[image].copy()
        picture[self._window(place)] = self.fill
        return picture


def _copied(found: Occlusion, images: np.ndarray, index: int, total: int) -> Occlusion:
    """What is known now, with arrays of its own: later places must not change it."""
    known = None if found.probabilities is None else found.probabilities.copy()
    return replace(
        found,
        attribution=replace(found.attribution, images=images),
        scores=found.scores.copy(),
        probabilities=known,
        best=found.best.copy(),
        map_totals=found.map_totals.copy(),
        index=index,
        total=total,
    )


def _corners(length: int, side: int, stride: int) -> np.ndarray:
    """Where squares begin along an axis; the last one ends at the border."""
    return np.array([*range(0, length - side, stride), length - side])


def _per_axis(name: str, value: Sides, default: list[int], limits: tuple[int, ...]) -> tuple[int, ...]:
    given = default if value is None else [value] * len(limits) if isinstance(value, int | np.integer) else list(value)
    if len(given) != len(limits) or not all(1 <= side <= limit for side, limit in zip(given, limits, strict=True)):
        raise ValueError(
            f"Expected {name} from 1 to {' x '.join(map(str, limits))} pixels, one number or one for each of "
            f"{len(limits)} axes. Received: {name}={value!r}."
        )
    return tuple(int(side) for side in given)


def _fill(asked: Scores, fill: Any) -> np.ndarray:
    low, high = asked.network.value_range()
    value = np.asarray((low + high) / 2 if fill is None else fill, np.float32)
    if value.shape not in ((), (1,), (asked.pictures.shape[-1],)):
        raise FeedError(
            f"Expected fill as a number or one for each of {asked.pictures.shape[-1]} channels. "
            f"Received: shape {value.shape}."
        )
    return value


class Occluder:
    """A network and one image, ready to say at once what changes when a part of the image is hidden.

    Args:
        network, feed, layer, fill: as for ``occlusion``; the first image of the feed is looked at.

    Raises:
        LayerError, FeedError: no such layer, no image, or a fill that does not fit. NumericalError: NaN or infinity.
    """

    def __init__(self, network: Any, feed: Any, *, layer: str | Layer | None = None, fill: Any = None) -> None:
        asked = self._asked = Scores.of(network, feed, None)
        self._fill = _fill(asked, fill)
        self.maps = last_feature_maps(asked.network, asked.layer) if layer is None else asked.network.layer(layer)
        self.before, whole = self._seen(asked.pictures[:1])
        self.channel = None if whole is None else int(whole.reshape(-1, whole.shape[-1]).max(axis=0).argmax())
        self.map_before = None if whole is None else whole[..., self.channel]

    def at(self, box: Sequence[int]) -> Occluded:
        """What the network says while (left, top, width, height), in pixels, is hidden; see ``occlude``."""
        sides = self._asked.pictures.shape[1:-1]
        if len(sides) != 2:
            raise FeedError(f"Expected images with height and width. Received: shape {self._asked.pictures.shape}.")
        left, top, width, height = (int(each) for each in box)
        if min(width, height) < 1 or not (-width < left < sides[1] and -height < top < sides[0]):
            raise ValueError(
                f"Expected (left, top, width, height) that covers some of {sides[0]} x {sides[1]} pixels. "
                f"Received: box={tuple(box)!r}."
            )
        hidden = self._asked.pictures[:1].copy()
        hidden[0, max(0, top) : top + height, max(0, left) : left + width] = self._fill
        after, maps = self._seen(hidden)
        shown = None if maps is None else maps[..., self.channel]
        place = left, top, width, height
        return Occluded(place, self.before, after, self.maps, self.channel, self.map_before, shown)

    def _seen(self, picture: np.ndarray) -> tuple[Predictions, np.ndarray | None]:
        layers = [self._asked.layer, *([] if self.maps is None else [self.maps])]
        scores, *maps = self._asked.forward(np.zeros(1, int), picture, layers)
        return predictions_of(self._asked, self._asked.averaged(scores)), maps[0][0] if maps else None


def occlude(
    network: Any, feed: Any, box: Sequence[int], *, layer: str | Layer | None = None, fill: Any = None
) -> Occluded:
    """What a network says of an image without and with one part of it hidden.

    Args:
        network, layer, fill: see ``occlusion``.
        feed: see ``load``; of several images the first.
        box: (left, top, width, height) in pixels of the image as fed; it may reach over the border.

    Returns:
        The classes and the strongest map of the layer, before and after.

    Raises:
        LayerError, FeedError: no such layer, no image with height and width, or a fill that does not fit.
        NumericalError: NaN or infinity. ValueError: a box that hides nothing.
    """
    return Occluder(network, feed, layer=layer, fill=fill).at(box)
