"""Concepts: directions in a layer that recur over a data set, found by non-negative matrix factorisation.

References:
    [1] C. Olah et al., "The Building Blocks of Interpretability", Distill, 2018, DOI 10.23915/distill.00010 (neuron
        groups).
    [2] T. Fel et al., "CRAFT: Concept Recursive Activation FacTorization for Explainability", CVPR 2023,
        DOI 10.1109/CVPR52729.2023.00266.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.activations import activations
from ..engine.attribution.class_scores import ClassScores
from ..engine.network.feeds import Feeds
from ..engine.network.targets import one
from ..errors import OptionError
from ..extras import needed
from ..results import Concept, Concepts, Layer, Patch
from .decoding import feeds_of
from .patches import cut_out

if TYPE_CHECKING:
    from .survey import Survey

_VECTORS = 20_000
"""Activation vectors that are factorised, taken evenly from all images."""
_PATCHES = 9


def concepts(survey: Survey, layer: Layer, count: int, *, images: int, target: int | str | None, seed: int) -> Concepts:
    """Factorise the activations of a layer over a data set.

    Each place of each map is a vector of activations, of which the positive part is taken. Their non-negative factors
    are the concepts: a vector times one number for each place says where and how much of a concept is present.

    Args:
        survey: the index, with network and images.
        layer: any layer of the network with height and width.
        count: how many concepts.
        images: how many images, taken evenly from all of them.
        target: a class; the weight of a concept is then what it adds to the score, in the mean over these images:
            presence x gradient of the score along the vector of the concept.
        seed: of the factorisation.
    """
    if count < 1:
        raise OptionError(f"Expected at least one concept. Received: k={count}.")
    rows = np.unique(np.linspace(0, len(survey) - 1, min(images, len(survey))).astype(int))
    factors = _factors(survey, layer, [survey.keys[row] for row in rows], count, seed)
    weights = [None] * count if target is None else _weights(survey, layer, factors, target)
    patches, value_range = _patches(survey, layer, factors)
    vectors = factors.model.components_.astype(np.float32)
    found = tuple(Concept(*each) for each in zip(vectors, patches, weights, strict=True))
    return Concepts(layer, found, factors.explained(), value_range)


@dataclass(frozen=True, eq=False)
class _Factors:
    """The factors of a layer over some images.

    Attributes:
        keys: of the images.
        maps: the positive part of the activations of each image, (height, width, channels).
        model: scikit-learn's; ``components_`` are the concepts.
        presence: of each concept at each place of each image, (places, concepts).
    """

    keys: list[str]
    maps: list[np.ndarray]
    model: Any
    presence: list[np.ndarray]

    def explained(self) -> float:
        """The share of the squared activations that the concepts explain."""
        pairs = zip(self.maps, self.presence, strict=True)
        rests = [values.reshape(len(each), -1) - each @ self.model.components_ for values, each in pairs]
        total = sum(float(np.square(values, dtype=np.float64).sum()) for values in self.maps)
        return 1 - sum(float(np.square(rest).sum()) for rest in rests) / total if total else 0.0


def _factors(survey: Survey, layer: Layer, keys: list[str], count: int, seed: int) -> _Factors:
    network = survey.require_network()
    maps = [np.maximum(activations(network, feeds, layer)[0].values[0], 0) for feeds in _fed(survey, keys)]
    if maps[0].ndim != 3:
        raise OptionError(f"Expected a layer with height and width. Received: {layer.name!r}.")
    model = _factorised(maps, count, seed)
    return _Factors(keys, maps, model, [model.transform(values.reshape(-1, values.shape[-1])) for values in maps])


def _patches(
    survey: Survey, layer: Layer, factors: _Factors
) -> tuple[list[tuple[Patch, ...]], tuple[np.ndarray, np.ndarray]]:
    """The patches in which each concept is most present, one of each image, and the range of their pixels."""
    network, labels = survey.require_network(), dict(zip(survey.keys, survey.labels, strict=True))
    strengths = np.stack([each.max(axis=0) for each in factors.presence])  # (images, concepts)
    best = np.argsort(-strengths, axis=0, kind="stable")[:_PATCHES]
    shown = sorted({factors.keys[row] for row in best.ravel()})
    pictures = dict(zip(shown, (network.images(feeds)[0] for feeds in _fed(survey, shown)), strict=True))

    def patch(row: int, concept: int) -> Patch:
        key, shape = factors.keys[row], factors.maps[row].shape[:-1]
        place = int(factors.presence[row][:, concept].argmax())
        unit = tuple(map(int, np.unravel_index(place, shape)))
        box, pixels = cut_out(network, layer, pictures[key], unit)
        return Patch(key, float(strengths[row, concept]), unit, box, pixels, label=labels[key])

    found = [tuple(patch(int(row), concept) for row in rows) for concept, rows in enumerate(best.T)]
    lowest, highest = zip(*(network.value_range(feeds) for feeds in _fed(survey, shown)), strict=True)
    return found, (np.min(lowest, axis=0), np.max(highest, axis=0))


def _fed(survey: Survey, keys: list[str]) -> Iterator[Feeds]:
    """What is fed for each image, decoded one at a time."""
    sources = survey.sources(set(keys))
    for key in keys:
        yield feeds_of(survey.require_network(), sources[key])


def _factorised(maps: list[np.ndarray], count: int, seed: int) -> Any:
    """Fit scikit-learn's model to activation vectors that are taken evenly from all maps."""
    NMF = needed("sklearn.decomposition").NMF  # noqa: N806 (a class)
    vectors = np.concatenate([values.reshape(-1, values.shape[-1]) for values in maps])
    taken = np.unique(np.linspace(0, len(vectors) - 1, min(_VECTORS, len(vectors))).astype(int))
    return NMF(count, init="nndsvda", random_state=seed, max_iter=400, tol=1e-3).fit(vectors[taken])


def _weights(survey: Survey, layer: Layer, factors: _Factors, target: int | str) -> list[float]:
    """What each concept adds to the score of a class, in the mean over images."""
    model = factors.model
    sums = np.zeros(len(model.components_))
    for feeds in _fed(survey, factors.keys):
        scores = ClassScores.of(survey.require_network(), feeds, None)
        values, gradients, _ = scores.backward_to(layer, *scores.bound(one(target)).pairs())
        vectors, slopes = (each.reshape(-1, each.shape[-1]) for each in (np.maximum(values, 0), gradients))
        sums += (model.transform(vectors) * (slopes @ model.components_.T)).sum(axis=0)
    return [float(total) / len(factors.keys) for total in sums]
