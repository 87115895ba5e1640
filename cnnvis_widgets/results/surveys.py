"""What is found out about a whole data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .layers import Layer
from .notebook import Shown


@dataclass(frozen=True)
class Unread:
    """An image of a data set that could not be read, and why."""

    key: str
    reason: str


@dataclass(frozen=True, eq=False)
class StreamedBatch:
    """The activations of a few images of a data set.

    Attributes:
        keys: name the images: the paths of files, or numbers.
        labels: of the images, as text; ``None`` where there is none.
        layers: the layers that were asked for.
        values: one array for each layer, images in front.
        unread: the images before these that could not be read.
    """

    keys: tuple[str, ...]
    labels: tuple[str | None, ...]
    layers: tuple[Layer, ...]
    values: tuple[np.ndarray, ...]
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, eq=False)
class Patch:
    """What one unit of a channel sees of an image.

    Attributes:
        key: names the image.
        value: the activation of the unit, the largest of the map.
        unit: its place in the map; () in layers without spatial axes.
        box: (start, stop) of its receptive field along each axis of the image, in pixels. It may reach over the border.
        pixels: float32 (height, width, channels) or with other spatial axes: the part of the box within the image, in
            the range of the input. The whole image where every unit sees it.
        projection: what the unit responds to, in the shape of ``pixels`` and as in ``Reconstruction``; or ``None``.
        rule: of the projection, or ''.
        note: why the projection is zero everywhere, or ''.
        label: of the image, or ``None``.
    """

    key: str
    value: float
    unit: tuple[int, ...]
    box: tuple[tuple[int, int], ...]
    pixels: np.ndarray
    projection: np.ndarray | None = None
    rule: str = ""
    note: str = ""
    label: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class StrongestPatches(Shown):
    """The patches of a data set to which one channel responds most, the strongest first.

    Attributes:
        layer, channel: what responds.
        patches: at most one of each image.
        value_range: (low, high) of the pixels, float32 scalars or one per channel.
    """

    layer: Layer
    channel: int
    patches: tuple[Patch, ...]
    value_range: tuple[np.ndarray, np.ndarray]

    def _rows(self) -> Iterator[dict[str, Any]]:
        for rank, patch in enumerate(self.patches):
            yield {"rank": rank, "key": patch.key, "label": patch.label, "value": patch.value, "unit": patch.unit}


@dataclass(frozen=True, eq=False)
class Evidence:
    """How much one channel speaks for a class in one image.

    Attributes:
        channel: its number.
        value: activation x weight (x gradient, below linear layers), summed over the map.
        patches: to which the channel responds most in the whole data set, the strongest first, without projections.
    """

    channel: int
    value: float
    patches: tuple[Patch, ...] = ()


@dataclass(frozen=True, eq=False)
class Mistake:
    """An image whose prediction is not its label.

    Attributes:
        key: names the image.
        label, prediction: the names of the two classes.
        scores: those of the label and of the prediction.
        layer: the layer of the channels.
        channels: those that speak most for the wrong class.
        pixels: the image as it is fed, float32 (height, width, channels).
        nearest: the key of the most similar image whose prediction is right, or ``None`` if there is none.
        similarity: the cosine of the angle between the largest activations of the two images in ``layer``.
        nearest_label: the class of that image.
        nearest_pixels: that image, or ``None``.
    """

    key: str
    label: str
    prediction: str
    scores: tuple[float, float]
    layer: Layer
    channels: tuple[Evidence, ...]
    pixels: np.ndarray
    nearest: str | None = None
    similarity: float = 0.0
    nearest_label: str | None = None
    nearest_pixels: np.ndarray | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Mistakes(Shown):
    """The wrong predictions in a data set, those with the largest lead of the wrong class first.

    Attributes:
        layer: the layer of the channels that are named.
        mistakes: the first ones; also by index, and in a loop.
        wrong, labelled: how many predictions are wrong, of how many images with a label.
        value_range: (low, high) of all pixels, float32 scalars or one per channel.
    """

    layer: Layer
    mistakes: tuple[Mistake, ...]
    wrong: int
    labelled: int
    value_range: tuple[np.ndarray, np.ndarray]

    def __len__(self) -> int:
        return len(self.mistakes)

    def __iter__(self) -> Iterator[Mistake]:
        return iter(self.mistakes)

    def __getitem__(self, index: int) -> Mistake:
        return self.mistakes[index]

    def _rows(self) -> Iterator[dict[str, Any]]:
        for mistake in self.mistakes:
            yield {
                "key": mistake.key,
                "label": mistake.label,
                "prediction": mistake.prediction,
                "score of label": mistake.scores[0],
                "score of prediction": mistake.scores[1],
                "channels": [each.channel for each in mistake.channels],
                "nearest": mistake.nearest,
                "similarity": mistake.similarity,
            }


@dataclass(frozen=True, eq=False)
class Concept:
    """A direction in a layer that recurs over a data set.

    Attributes:
        vector: float32 (channels,), not negative.
        patches: where it is most present, at most one of each image, the strongest first.
        weight: what it adds to the score of the class that was asked about, or ``None``.
    """

    vector: np.ndarray
    patches: tuple[Patch, ...]
    weight: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Concepts(Shown):
    """The concepts of a layer over a data set.

    Attributes:
        layer: whose activations were factorised.
        concepts: the factors.
        explained: the share of the squared activations that they explain, 0 to 1.
        value_range: (low, high) of the pixels of the patches.
    """

    layer: Layer
    concepts: tuple[Concept, ...]
    explained: float
    value_range: tuple[np.ndarray, np.ndarray]

    def _rows(self) -> Iterator[dict[str, Any]]:
        for number, concept in enumerate(self.concepts):
            keys = [patch.key for patch in concept.patches]
            yield {"concept": number, "weight": concept.weight, "strongest": float(concept.vector.max()), "keys": keys}


@dataclass(frozen=True, eq=False, repr=False)
class Invariance(Shown):
    """How far the activations move when an image is turned, shifted or scaled.

    Attributes:
        transformation: 'rotate', 'shift' or 'scale'.
        amounts: the steps: degrees, pixels or factors.
        layers: that were looked at.
        distances: float32 (layers, steps), Euclidean, from the activations of the image as it is.
        name: of the class that was followed.
        scores: float32 (steps,): its probability, or its value where the head has no probabilities.
    """

    main_array: ClassVar[str] = "distances"

    transformation: str
    amounts: tuple[float, ...]
    layers: tuple[Layer, ...]
    distances: np.ndarray
    name: str
    scores: np.ndarray

    def _rows(self) -> Iterator[dict[str, Any]]:
        for step, amount in enumerate(self.amounts):
            for index, layer in enumerate(self.layers):
                distance, score = float(self.distances[index, step]), float(self.scores[step])
                yield {self.transformation: amount, "layer": layer.name, "distance": distance, self.name: score}
