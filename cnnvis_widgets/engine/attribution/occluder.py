"""Predictions while one part of the image is hidden, at once: for a square that a person moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...arguments import checked
from ...errors import FeedError, OptionError
from ...results import Head, Layer, Occluded, Predictions, Target
from ..graph.layers import elements_of
from ..network.channels import whole_number
from ..network.targets import EVERYWHERE
from .class_scores import ClassScores
from .last_maps import last_feature_maps
from .occlusion import fill_of
from .predictions import predictions_of


class Occluder:
    """A network with one image, ready to compute the predictions at once when a part of the image is hidden.

    Args:
        network, feed, layer, fill, scores, target: as for ``occlude``; only the first image of the feed is used.

    Attributes:
        before: the predictions for the whole image.
        maps: the layer whose strongest map is followed, or ``None``.
        channel, map_before: that map: its number and its values in the whole image.

    Raises:
        LayerError, FeedError: no such layer, no image, or a fill that does not fit. NumericalError: NaN or infinity.
    """

    def __init__(
        self,
        network: Any,
        feed: Any,
        *,
        layer: str | Layer | None = None,
        fill: Any = None,
        scores: str | Layer | Head | None = None,
        target: Target = EVERYWHERE,
    ) -> None:
        class_scores = self._class_scores = ClassScores.of(network, feed, scores)
        self._weights = class_scores.weights(target)
        network = class_scores.network
        self._fill = fill_of(class_scores, fill)
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
        numbers = [whole_number(number) for number in elements_of(box) or ()]
        if len(numbers) != 4 or None in numbers:
            raise OptionError(f"Expected box as four whole numbers (left, top, width, height). Received: box={box!r}.")
        left, top, width, height = (number or 0 for number in numbers)
        if min(width, height) < 1 or not (-width < left < sides[1] and -height < top < sides[0]):
            raise OptionError(
                f"Expected (left, top, width, height) that covers some of {sides[0]} x {sides[1]} pixels. "
                f"Received: box={tuple(numbers)!r}."
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
            return predictions_of(class_scores.head, *class_scores.of_variants(rows, variant, self._weights)), None
        by_class, maps = class_scores.with_maps(rows, variant, self.maps, self._weights)
        return predictions_of(class_scores.head, *by_class), maps[0]


@checked
def occlude(
    network: Any,
    feed: Any,
    box: Sequence[int],
    *,
    layer: str | Layer | None = None,
    fill: Any = None,
    scores: str | Layer | Head | None = None,
    target: Target = EVERYWHERE,
) -> Occluded:
    """Compare the predictions before and after one part of an image is hidden.

    Args:
        network, layer, fill, scores: see ``occlusion``.
        feed: see ``load``; only the first image is used.
        box: (left, top, width, height) in pixels of the image as fed; it may reach over the border.
        target: the place or region of the head whose predictions are compared, instead of the mean over places.

    Returns:
        The predictions and the strongest map of the layer, before and after.

    Raises:
        LayerError, FeedError: no such layer, no image with height and width, or a fill that does not fit.
        NumericalError: NaN or infinity. OptionError: a box that hides nothing.

    Example:
        >>> from cnnvis_widgets import demo, load, occlude
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> occlude(network, None, (8, 8, 16, 16)).map_after.shape
        (8, 8)
    """
    return Occluder(network, feed, layer=layer, fill=fill, scores=scores, target=target).at(box)
