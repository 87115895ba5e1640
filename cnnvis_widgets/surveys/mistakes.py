"""The images whose prediction is not their label, and what misled the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..engine.attribution.predictions import channel_evidence
from ..engine.network.feeds import Feeds
from ..errors import OptionError
from ..results import Evidence, Layer, Mistake, Mistakes
from .decoding import feeds_of
from .frames import predictions
from .patches import strongest_patches

if TYPE_CHECKING:
    from .survey import Survey


_PATCHES = 3
"""Patches that show what a channel responds to."""


def mistakes(survey: Survey, count: int, channels: int, layer: str | Layer | None) -> Mistakes:
    """Find wrong predictions, the channels that speak for them, and the most similar image that is right.

    A channel speaks for a class by its activation times the gradient of the score, summed over its map: in front of a
    linear layer, activation x weight. Images are similar where the largest activations of their channels point in the
    same direction.

    Args:
        survey: the index, with its network, and images with labels.
        count: how many, those with the largest lead of the wrong class over the right one first.
        channels: how many channels to name for each.
        layer: whose channels; ``None`` for the last surveyed layer before the class scores.

    Raises:
        OptionError: images have no labels, or the network has no class scores.
    """
    scores, labels = survey.maxima(survey.scores_layer()), survey.labels
    labelled = np.array([label is not None for label in labels])
    if not labelled.any():
        raise OptionError("Expected images with labels. Received: none. Survey them with labels=...")
    numbers = {label: survey.class_number(label) for label in set(labels) if label is not None}
    right = np.array([-1 if label is None else numbers[label] for label in labels])
    predicted, rows = predictions(survey), np.arange(len(labels))
    wrong = np.flatnonzero(labelled & (predicted != right))
    lead = scores[wrong, predicted[wrong]] - scores[wrong, right[wrong]]
    first = wrong[np.argsort(-lead, kind="stable")][:count]
    chosen = survey.layers[-2 if len(survey.layers) > 1 else -1] if layer is None else survey.layer(layer)
    neighbours = _nearest(survey, chosen, first, rows[labelled & (predicted == right)])
    facts = [
        _Wrong(int(row), int(right[row]), int(predicted[row]), scores[row], near)
        for row, near in zip(first, neighbours, strict=True)
    ]
    images = _Images.of(survey, facts)
    found = [_mistake(survey, chosen, wrong, images, channels) for wrong in facts]
    return Mistakes(
        chosen, tuple(_with_patches(survey, chosen, found)), len(wrong), int(labelled.sum()), images.value_range
    )


@dataclass(frozen=True, eq=False)
class _Wrong:
    """A wrong prediction.

    Attributes:
        row: of the image.
        label, prediction: the numbers of its class and of the predicted one.
        scores: float32 (classes,).
        nearest: the row of the most similar image that is right, and how similar it is; or ``None``.
    """

    row: int
    label: int
    prediction: int
    scores: np.ndarray
    nearest: tuple[int, float] | None


@dataclass(frozen=True, eq=False)
class _Images:
    """Wrong images and those that are like them: what is fed, and their pixels, by key; and the range of the pixels."""

    feeds: Mapping[str, Feeds]
    pixels: Mapping[str, np.ndarray]
    value_range: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, survey: Survey, facts: Sequence[_Wrong]) -> _Images:
        """Read the images once."""
        network = survey.require_network()
        rows = {wrong.row for wrong in facts} | {wrong.nearest[0] for wrong in facts if wrong.nearest is not None}
        sources = survey.sources({survey.keys[row] for row in rows})
        feeds = {key: feeds_of(network, source) for key, source in sources.items()}
        to_images, tensor = network.runtime.layout.to_images, network.runtime.image_tensor
        pixels = {key: to_images(each[tensor])[0].astype(np.float32) for key, each in feeds.items()}
        ranges = [network.value_range(each) for each in feeds.values()] or [(np.float32(0), np.float32(1))]
        lowest, highest = zip(*ranges, strict=True)
        return cls(feeds, pixels, (np.min(lowest, axis=0), np.max(highest, axis=0)))


def _mistake(survey: Survey, layer: Layer, wrong: _Wrong, images: _Images, channels: int) -> Mistake:
    key = survey.keys[wrong.row]
    evidence = channel_evidence(survey.network, images.feeds[key], layer, wrong.prediction)[0]
    strongest = np.argsort(-evidence, kind="stable")[:channels]
    named = tuple(Evidence(int(channel), float(evidence[channel])) for channel in strongest if evidence[channel] > 0)
    names = _title(survey, wrong.label), _title(survey, wrong.prediction)
    scores = float(wrong.scores[wrong.label]), float(wrong.scores[wrong.prediction])
    mistake = Mistake(key, *names, scores, layer, named, images.pixels[key])
    if wrong.nearest is None:
        return mistake
    row, similarity = wrong.nearest
    near, label = survey.keys[row], survey.labels[row]
    title = None if label is None else _title(survey, survey.class_number(label))
    pixels = images.pixels[near]
    return replace(mistake, nearest=near, similarity=similarity, nearest_label=title, nearest_pixels=pixels)


def _with_patches(survey: Survey, layer: Layer, found: Sequence[Mistake]) -> Iterator[Mistake]:
    """Show what the channels that misled respond to."""
    channels = sorted({each.channel for mistake in found for each in mistake.channels})
    strongest = {
        each.channel: each.patches
        for each in (strongest_patches(survey, layer, channels, count=_PATCHES, rule=None) if channels else ())
    }
    for mistake in found:
        shown = tuple(replace(each, patches=strongest[each.channel]) for each in mistake.channels)
        yield replace(mistake, channels=shown)


def _title(survey: Survey, number: int) -> str:
    names = survey.index.plan.class_names
    return names[number] if number < len(names) else str(number)


def _nearest(survey: Survey, layer: Layer, rows: np.ndarray, among: np.ndarray) -> list[tuple[int, float] | None]:
    """For each row of the maxima the most similar one of others, and the cosine of the angle between them."""
    if not len(among) or not len(rows):
        return [None] * len(rows)
    wanted = _directions(_maxima_of(survey, layer, rows))
    best, where, start = np.full(len(rows), -np.inf), np.zeros(len(rows), int), 0
    for values in survey.maxima_by_partition(layer):
        inside = among[(among >= start) & (among < start + len(values))]
        start += len(values)
        if len(inside):
            cosines = wanted @ _directions(values[inside - start + len(values)]).T
            column = cosines.argmax(axis=1)
            highest = cosines[np.arange(len(rows)), column]
            better = highest > best
            best[better], where[better] = highest[better], inside[column[better]]
    return [(int(row), float(cosine)) for row, cosine in zip(where, best, strict=True)]


def _maxima_of(survey: Survey, layer: Layer, rows: np.ndarray) -> np.ndarray:
    """The maxima of chosen images, without those of all others in memory."""
    parts, start = [], 0
    for values in survey.maxima_by_partition(layer):
        inside = np.flatnonzero((rows >= start) & (rows < start + len(values)))
        parts.append((inside, values[rows[inside] - start]))
        start += len(values)
    order = np.argsort(np.concatenate([inside for inside, _ in parts]))
    return np.concatenate([values for _, values in parts])[order]


def _directions(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.finfo(np.float32).tiny)
