"""The outputs of a network, what one can ask them, and what they tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..arguments import checked
from .layers import Layer
from .notebook import Shown

MEANINGS = ("classes", "labels", "yes or no", "values")
"""What a head can mean; see ``Head``."""


@dataclass(frozen=True)
class Head:
    """One output of a network, and what it means.

    A head whose output has places, such as the pixels of a segmentation or the anchors of a detector, says the same
    for each place.

    Attributes:
        name: of the output.
        meaning: 'classes' (a softmax: exactly one of several), 'labels' (a sigmoid each: any number of them),
            'yes or no' (one sigmoid: two classes), or 'values' (regression, embeddings, boxes: numbers as they are).
        output: the layer that the network returns.
        scores: the layer before the activation that saturates, which methods explain; ``output`` where there is none.
        activation: 'softmax', 'log_softmax', 'sigmoid', 'hard_sigmoid', or '' for none.
        activated: the full name of the tensor behind that activation; ops after it only rearrange its values.
        names: of the classes, or ``None``.
    """

    name: str
    meaning: str
    output: Layer
    scores: Layer
    activation: str = ""
    activated: str = ""
    names: tuple[str, ...] | None = None

    @property
    def classes(self) -> int | None:
        """How many classes, labels or values there are, of each place; two of 'yes or no'."""
        return 2 if self.meaning == "yes or no" else self.output.channels

    @property
    def is_map(self) -> bool:
        """Whether the output has places."""
        return bool(self.output.spatial_shape)

    def title(self, number: int) -> str:
        """The name of a class, or what to call it without one: 'class 3', 'label 3', 'value 3', 'no' or 'yes'."""
        if self.names is not None and number < len(self.names):
            return self.names[number]
        if self.meaning == "yes or no":
            return ("no", "yes")[number]
        kind = {"classes": "class", "labels": "label"}.get(self.meaning, "value")
        return f"{kind} {number}"


@checked
@dataclass(frozen=True)
class Target:
    """A number of a head that a person asks about.

    Attributes:
        channel: the class, label or value: its number or name; ``None`` for the one that the network is surest of.
        place: of a head with places: one pixel (y, x), or one anchor (number,).
        region: of a map with height and width: (top, left, height, width), over which the mean is taken.

    Without ``place`` and ``region`` the mean over all places is meant. Both count in units of the head's output.

    Example:
        >>> Target("cat", place=(3, 5))
        Target(channel='cat', place=(3, 5), region=None)
    """

    channel: int | str | None = None
    place: tuple[int, ...] | None = None
    region: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(Shown):
    """What one head of a network tells of images.

    Attributes:
        head: the head.
        names: of its classes, labels or values: 'class 3' where they have none.
        scores: float32 (images, classes): before the activation that saturates; means over the places of a map.
        probabilities: float32 (images, classes), means over the places of a map; ``None`` for a head of values.
        values: float32 (images, ..., channels): the output as the network returns it, channels last. ``None`` in the
            predictions of changed images.
    """

    main_array: ClassVar[str] = "scores"

    head: Head
    names: tuple[str, ...]
    scores: np.ndarray
    probabilities: np.ndarray | None
    values: np.ndarray | None = None

    @property
    def layer(self) -> Layer:
        """The layer of the scores."""
        return self.head.scores

    @property
    def softmax_in_network(self) -> bool:
        """Whether the probabilities are those of a softmax in the network."""
        return self.head.activation.endswith("softmax")

    @property
    def amounts(self) -> np.ndarray:
        """float32 (images, classes): what people read of each class, the probability or else the value."""
        return self.scores if self.probabilities is None else self.probabilities

    def top(self, count: int = 5, image: int = 0) -> list[tuple[int, str, float]]:
        """The classes that a head is surest of: number, name and probability. Of values, those furthest from 0."""
        if self.probabilities is None:
            sureness = np.abs(self.scores)
        else:
            sureness = self.probabilities if self.head.is_map else self.scores  # probabilities near 1 may be equal
        best = np.argsort(-sureness[image], kind="stable")[:count]
        return [(int(number), self.names[number], float(self.amounts[image, number])) for number in best]

    def _rows(self) -> Iterator[dict[str, Any]]:
        for image, number in np.ndindex(self.scores.shape):
            row = {
                "image": image,
                "class": number,
                "name": self.names[number],
                "score": float(self.scores[image, number]),
            }
            chance = {} if self.probabilities is None else {"probability": float(self.probabilities[image, number])}
            yield row | chance


@dataclass(frozen=True, eq=False, repr=False)
class Intervention(Shown):
    """The predictions before and after a change to channels of ``layer``."""

    layer: Layer
    before: Predictions
    after: Predictions

    def _rows(self) -> Iterator[dict[str, Any]]:
        before, after = self.before.amounts, self.after.amounts
        for image, number in np.ndindex(before.shape):
            values = {"before": float(before[image, number]), "after": float(after[image, number])}
            yield {"image": image, "class": number, "name": self.before.names[number], **values}


@dataclass(frozen=True, eq=False)
class Occluded:
    """The predictions before and after one part of an image is hidden.

    Attributes:
        box: the hidden part: (left, top, width, height) in pixels.
        before, after: the predictions.
        maps: the layer whose strongest map is followed, or ``None`` if no layer has maps of several places.
        channel: the map with the largest activation in the whole image.
        map_before, map_after: float32 (height, width), that map.
    """

    box: tuple[int, int, int, int]
    before: Predictions
    after: Predictions
    maps: Layer | None
    channel: int | None
    map_before: np.ndarray | None
    map_after: np.ndarray | None
