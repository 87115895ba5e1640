"""What speaks for a class, and how much such a picture can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .heads import Head
from .layers import Layer
from .notebook import Shown
from .reconstruction import Coverage


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(Shown):
    """How much each part of the images speaks for a class.

    Attributes:
        method: the name of its row in ``methods.METHODS``.
        layer: the layer whose channels are the targets, mostly the logits.
        activation_removed: the activation between ``layer`` and the output, such as 'softmax', or '' for none. The
            picture explains the score and not the probability, which saturates.
        targets: the channel (or class) at each index of the second axis of ``images``; -1 where the surest class of
            each image was asked for and images differ.
        names: of ``targets``: class names, or 'class 3', with the place or region that was asked for.
        images: float32 (images, targets, height, width), or (images, targets, height, width, input channels) where
            the row of the method is ``per_channel``; positive speaks for the class. The docstring of the method's
            function says in which unit.
        scores: float32 (images, targets): the scores of the images.
        maps: the layer of the feature maps that Grad-CAM weighs, else ``None``.
        completeness_error: float32 (images, targets), integrated gradients only, else ``None``: the
            score of the image, less that of the baseline, less the sum of the picture. Zero for
            infinitely many steps.
        points: int (images, targets), integrated gradients only, else ``None``: how many gradients each picture took.
        coverage: which ops obeyed the rule, if the method uses one, else ``None``.
        index, total: which step this is, counted from 0, and how many there are.
        channels: int (images, targets): the channel of each image.
        head: whose classes the targets are.
        place_weights: float32 (targets, places): by how much each place of the head counts; each row adds up to 1.
        places: where in the head, for each target, such as 'at 3, 5' for one pixel and 'in 0, 0, 4, 4' for a region
            (top, left, height, width); '' for the mean over all places.
        notes: (images, targets), Grad-CAM and its relatives only, else (): why a map is zero everywhere, such as
            'gradient is zero: the score is saturated or off'; '' where there is something to see.
    """

    main_array: ClassVar[str] = "images"

    method: str
    layer: Layer
    activation_removed: str
    targets: tuple[int, ...]
    names: tuple[str, ...]
    images: np.ndarray
    scores: np.ndarray
    maps: Layer | None = None
    completeness_error: np.ndarray | None = None
    points: np.ndarray | None = None
    coverage: Coverage | None = None
    index: int = 0
    total: int = 1
    channels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    head: Head | None = None
    place_weights: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    places: tuple[str, ...] = ()
    notes: tuple[tuple[str, ...], ...] = ()

    @property
    def completeness_gap(self) -> np.ndarray | None:
        """The size of ``completeness_error`` as a part of the difference of the two scores, float32 (images, targets).

        Infinite where the scores are equal and the error is not zero. The paper of integrated gradients asks for 0.05
        at most.
        """
        if self.completeness_error is None:
            return None
        sums = self.images.sum(axis=tuple(range(2, self.images.ndim)), dtype=np.float64)
        error, difference = np.abs(self.completeness_error), np.abs(sums + self.completeness_error)
        never = np.where(error > 0, np.inf, 0.0)
        return np.divide(error, difference, out=never, where=difference > 0).astype(np.float32)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for image, index in np.ndindex(self.scores.shape):
            yield {"image": image, "target": self.names[index], "score": float(self.scores[image, index])}


@dataclass(frozen=True, eq=False, repr=False)
class AttentionMaps(Shown):
    """Where a token of a transformer attends to, in one attention or through all of them.

    Attributes:
        method: the name of its row in ``methods.METHODS``.
        layer: the attention; of several the last one.
        layers: the names of the attentions.
        query: the token that attends: a place (row, column) of its grid, the number of a token without a place (0 is
            the class token), or 'mean' over all tokens.
        weights: float32 (images, heads, height, width): how much each head attends to each place; one head where
            the method joins them.
        others: float32 (images, heads, tokens): to the tokens without a place, such as the class token.
        queries: the grid of the tokens that attend: (height, width); () where none has a place, such as words.
        other_queries: how many tokens that attend have no place.
        target, name: the class, label or value that the relevance is for, and its name; -1 where the surest one was
            asked for and images differ. ``None`` and '' for methods without a class.
        scores: float32 (images,): the scores of that class; ``None`` for methods without a class.
        explains: the layer whose channel is the target, mostly the logits; ``None`` for methods without a class.
    """

    main_array: ClassVar[str] = "weights"

    method: str
    layer: Layer
    layers: tuple[str, ...]
    query: str | int | tuple[int, ...]
    weights: np.ndarray
    others: np.ndarray
    queries: tuple[int, ...]
    target: int | None = None
    name: str = ""
    scores: np.ndarray | None = None
    explains: Layer | None = None
    other_queries: int = 0

    @property
    def mean(self) -> np.ndarray:
        """The mean over heads, float32 (images, height, width)."""
        return self.weights.mean(axis=1)

    @property
    def query_title(self) -> str:
        """The query for people."""
        if isinstance(self.query, tuple):
            return f"token {', '.join(map(str, self.query))}"
        if self.query == "mean":
            return "mean over all tokens"
        if not self.queries:
            return f"token {self.query}"
        return "class token" if self.query == 0 and self.others.shape[-1] == 1 else f"extra token {self.query}"


@dataclass(frozen=True, eq=False, repr=False)
class Occlusion(Shown):
    """The predictions while a square hides one part of the image after another.

    A value that is not computed yet is NaN, or -1 in ``best``. A *place* is one position of the square; places have as
    many axes as the image has spatial ones.

    Attributes:
        attribution: its ``images`` are (images, targets, height, width): the fall of the score when a pixel is
            hidden, averaged over all squares that cover it.
        size: of the square, in pixels (height, width).
        corners: for each spatial axis the first pixel of the square at every place, int.
        scores: float32 (images, targets, rows, columns of places).
        probabilities: the same after the network's softmax; ``None`` if it has none.
        best: int (images, rows, columns): the channel with the highest score.
        maps: the layer whose strongest map is followed, or ``None`` if no layer has maps of several places.
        map_channels: int (images,): the map with the largest activation in the whole image; empty without ``maps``.
        map_totals: float32 (images, rows, columns): the sum over that map; NaN without ``maps``.
        index, total: which step this is, counted from 0, and how many there are.
    """

    main_array: ClassVar[str] = "scores"

    attribution: Attribution
    size: tuple[int, ...]
    corners: tuple[np.ndarray, ...]
    scores: np.ndarray
    probabilities: np.ndarray | None
    best: np.ndarray
    maps: Layer | None
    map_channels: np.ndarray
    map_totals: np.ndarray
    index: int
    total: int


@dataclass(frozen=True, eq=False, repr=False)
class PerturbationCurve(Shown):
    """What the network says while pixels are removed from an image, or inserted, in the order of an attribution.

    Attributes:
        kind: 'deletion' or 'insertion'.
        method: of the attribution whose order was taken.
        names: of the targets.
        baseline: what stands where pixels are missing, in words.
        quantity: what ``values`` are: 'probability', or 'score' for a head of values.
        fractions: float32 (points,): the parts of the pixels that were removed or inserted, from 0 to 1.
        values: float32 (images, targets, points); NaN where it is not computed yet.
        index, total: which step this is, counted from 0, and how many there are.
    """

    main_array: ClassVar[str] = "values"

    kind: str
    method: str
    names: tuple[str, ...]
    baseline: str
    quantity: str
    fractions: np.ndarray
    values: np.ndarray
    index: int = 0
    total: int = 1

    @property
    def areas(self) -> np.ndarray:
        """float32 (images, targets): the area under each curve (trapezoids); NaN where a value is missing.

        The smaller the area of a deletion and the larger that of an insertion, the better the attribution tells which
        pixels the network uses.
        """
        means = (self.values[..., 1:] + self.values[..., :-1]) / 2
        return (means * np.diff(self.fractions)).sum(axis=-1).astype(np.float32)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for image, target, point in np.ndindex(self.values.shape):
            value, fraction = float(self.values[image, target, point]), float(self.fractions[point])
            yield {"image": image, "target": self.names[target], "fraction": fraction, self.quantity: value}


@dataclass(frozen=True, eq=False)
class AverageDrop:
    """How the probability changes when only what an attribution points at stays visible.

    Attributes:
        method: of the attribution.
        names: of the targets.
        before, after: float32 (images, targets): the probability of the target for the whole image, and for the image
            times the attribution.
    """

    method: str
    names: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray

    @property
    def drops(self) -> np.ndarray:
        """float32 (images, targets): the part of the probability that is lost, 0 to 1; 0 where it rises."""
        lost = np.maximum(self.before - self.after, 0)
        return np.divide(lost, self.before, out=np.zeros_like(lost), where=self.before > 0)

    @property
    def average_drop(self) -> np.ndarray:
        """float32 (targets,): the mean of ``drops`` over the images, in percent. Smaller is better."""
        return 100 * self.drops.mean(axis=0)

    @property
    def increase(self) -> np.ndarray:
        """float32 (targets,): for how many images the probability rises, in percent. Larger is better."""
        return (100 * (self.after > self.before).mean(axis=0)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Whether the picture of a class depends on the class, under one rule.

    Both numbers are correlations (-1 to 1) of two pictures over all their values; NaN if a picture is constant. A
    correlation near 1 means that the picture shows the image, not the class.

    Attributes:
        rule: 'deconvnet', 'guided' or 'gradient'.
        layer: the class scores where the pictures start.
        classes: int (images, 2): the class, by default the best one, and the best other one, its rival.
        rival: float32 (images,): the pictures of the class and of its rival.
        randomised: float32 (images,): the pictures of the class before and after the weights of the top layer are
            shuffled.
    """

    rule: str
    layer: Layer
    classes: np.ndarray
    rival: np.ndarray
    randomised: np.ndarray


@dataclass(frozen=True, eq=False)
class WallTile:
    """One method on a method wall.

    Attributes:
        method: its name.
        attribution: of one image for one class; ``None`` if the method does not apply.
        seconds: how long the method took.
        deletion: the curve of the image while pixels are removed, the most important ones first; its area is small for
            a good attribution.
        insertion: the curve while they are put into the blurred image; its area is large for a good attribution.
            ``None`` for a flat input, which cannot be blurred.
        sensitivity: the correlation (-1 to 1) of the picture with that of the best other class; NaN where there is no
            other class, or a picture is constant. Near 1 the picture hardly depends on the class.
        refusal: why the method does not apply, or ''.
    """

    method: str
    attribution: Attribution | None = None
    seconds: float = 0.0
    deletion: PerturbationCurve | None = None
    insertion: PerturbationCurve | None = None
    sensitivity: float = float("nan")
    refusal: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class MethodWall(Shown):
    """One class of one image by several attribution methods, side by side.

    Attributes:
        head: whose class it is.
        name: of the class, with the place or region that was asked for.
        classes: int (2,): the class and the best other one, its rival; -1 where there is no other class.
        tiles: one for each method, in order; those that are not finished are missing.
        random: the curves of deletion and insertion for single pixels in random order, with which those of methods can
            be compared, as far as they are known.
        image: float32 (height, width, channels), as fed.
        value_range: (low, high) of the input, float32 scalars or one per input channel.
        index, total: which method is at work, counted from 0, and how many there are.
    """

    head: Head
    name: str
    classes: np.ndarray
    tiles: tuple[WallTile, ...]
    random: tuple[PerturbationCurve, ...]
    image: np.ndarray
    value_range: tuple[np.ndarray, np.ndarray]
    index: int = 0
    total: int = 1

    def _rows(self) -> Iterator[dict[str, Any]]:
        for tile in self.tiles:
            areas = {
                curve.kind: float(curve.areas[0, 0]) for curve in (tile.deletion, tile.insertion) if curve is not None
            }
            facts = {"seconds": tile.seconds, "class sensitivity": tile.sensitivity, "refusal": tile.refusal}
            yield {"method": tile.method, **areas, **facts}
