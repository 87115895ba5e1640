"""The images whose prediction is not their label, and what misled the network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..engine.attribution.predictions import channel_evidence
from ..errors import OptionError
from ..results import Evidence, Layer, Mistake
from .decoding import feeds_of
from .frames import predictions

if TYPE_CHECKING:
    from .survey import Survey


def mistakes(survey: Survey, count: int, channels: int, layer: str | Layer | None) -> tuple[Mistake, ...]:
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
    wrong = wrong[np.argsort(-lead, kind="stable")][:count]
    chosen = survey.layers[-2 if len(survey.layers) > 1 else -1] if layer is None else survey.layer(layer)
    neighbours = _nearest(survey, chosen, wrong, rows[labelled & (predicted == right)])
    return tuple(
        _mistake(survey, chosen, _Wrong(int(row), int(right[row]), int(predicted[row]), scores[row]), found, channels)
        for row, found in zip(wrong, neighbours, strict=True)
    )


@dataclass(frozen=True, eq=False)
class _Wrong:
    """The row of an image, the number of its class and of the predicted one, and its scores, float32 (classes,)."""

    row: int
    label: int
    prediction: int
    scores: np.ndarray


def _mistake(
    survey: Survey, layer: Layer, wrong: _Wrong, neighbour: tuple[int, float] | None, channels: int
) -> Mistake:
    key = survey.keys[wrong.row]
    feeds = feeds_of(survey.require_network(), survey.sources({key})[key])
    evidence = channel_evidence(survey.network, feeds, layer, wrong.prediction)[0]
    strongest = np.argsort(-evidence, kind="stable")[:channels]
    named = tuple(Evidence(int(channel), float(evidence[channel])) for channel in strongest if evidence[channel] > 0)
    names = _title(survey, wrong.label), _title(survey, wrong.prediction)
    scores = float(wrong.scores[wrong.label]), float(wrong.scores[wrong.prediction])
    mistake = Mistake(key, *names, scores, layer, named)
    if neighbour is None:
        return mistake
    other, similarity = neighbour
    return replace(mistake, nearest=survey.keys[other], similarity=similarity, nearest_label=survey.labels[other])


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
