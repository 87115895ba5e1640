"""The method wall: one class of one image by every attribution method, with figures beside each picture.

References:
    [1] V. Petsiuk, A. Das and K. Saenko, "RISE", BMVC 2018, arXiv 1806.07421 (the deletion area).
    [2] W. Nie, Y. Zhang and A. Patel, ICML 2018, arXiv 1805.07039 (class sensitivity).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...arguments import checked, require_counts
from ...errors import CnnvisError, OptionError, nearest
from ...methods import METHODS, of_kind
from ...results import Attribution, Head, Layer, MethodWall, Occlusion, PerturbationCurve, Target, WallTile
from ..network.loading import load
from ..network.targets import BoundTargets, OneTarget, one
from .class_scores import ClassScores, attribution_without_images
from .perturbation import deletion_steps, insertion_steps
from .sanity_checks import classes_and_rivals, correlations


@checked
def method_wall(
    network: Any,
    feed: Any = None,
    target: OneTarget = None,
    *,
    methods: Sequence[str] | None = None,
    layer: str | Layer | None = None,
    scores: str | Layer | Head | None = None,
    points: int = 50,
) -> MethodWall:
    """Explain one class of one image by many methods, and measure each of them.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: see ``load``; only the first image is used.
        target: one class, by number or name, or a ``Target``; by default the one that the network is surest of.
        methods: names of the methods, in the order of the wall; by default all that ``wall_methods`` lists.
        layer: of the feature maps, for methods that weigh or follow some; by default the last one before the scores.
        scores: the name of a head, or a layer; ``None`` for the main head.
        points: how many equal parts of the pixels are removed and inserted; see ``deletion``.

    Returns:
        For each method its attribution, the time it took, the curves of deletion and insertion with their areas, and
        the class sensitivity. A method that does not apply has the reason instead. The curves of a random order of
        pixels stand beside them.

    Raises:
        LayerError, ChannelError, FeedError: no such layer or class, or no image.
        OptionError: an unknown method, or fewer than one point. NumericalError: NaN or infinity in the image.

    Notes:
        The class sensitivity is the correlation of the picture with that of the best other class, as in
        ``sensitivity``: near 1 the picture hardly depends on the class. Both pictures are computed together; the time
        is that of both, and the first call of a method compiles its functions.

        Areas of pictures of single pixels and of coarse maps cannot be compared: removing scattered pixels disturbs a
        network more than removing a patch of as many. Compare each with the random order, and both areas.

    References:
        [1] V. Petsiuk, A. Das and K. Saenko, BMVC 2018, arXiv 1806.07421.

    Example:
        >>> from cnnvis_widgets import demo, load, method_wall
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> wall = method_wall(network, methods=["grad_cam", "hires_cam"], points=8)
        >>> [tile.method for tile in wall.tiles], wall.tiles[0].deletion.areas.shape
        (['grad_cam', 'hires_cam'], (1, 1))
    """
    options: dict[str, Any] = {"methods": methods, "layer": layer, "scores": scores, "points": points}
    *_, last = method_wall_steps(network, feed, target, **options)
    return last


def method_wall_steps(
    network: Any,
    feed: Any = None,
    target: OneTarget = None,
    *,
    methods: Sequence[str] | None = None,
    layer: str | Layer | None = None,
    scores: str | Layer | Head | None = None,
    points: int = 50,
) -> Iterator[MethodWall]:
    """Do the same as ``method_wall``, step by step.

    Yields:
        The wall so far: also between the steps of a method, so that a consumer can stop there.

    Notes:
        The call checks its arguments, before the first step.
    """
    if points < 1:
        raise OptionError(f"Expected points of at least 1. Received: points={points!r}.")
    require_counts(points=points)
    names = wall_methods() if methods is None else tuple(methods)
    for name in names:
        if name not in wall_methods():
            raise OptionError(
                f"Expected names of attribution methods. Received: {name!r}. {nearest(name, wall_methods())}"
            )
    network = load(network, feed)
    head = network.head(scores)
    first = network.runtime.batches.rows_of(network.feeds(), np.array([0]))
    class_scores = ClassScores.of(network, first, head)
    maps = None if layer is None else network.layer(layer)
    classes = classes_and_rivals(class_scores, one(target))[0]
    return _Wall(class_scores, first, one(target), classes, maps, points).steps(names)


def wall_methods() -> tuple[str, ...]:
    """The names of all methods that give an attribution, in the order of the wall.

    Example:
        >>> wall_methods()[:2]
        ('grad_cam', 'guided_grad_cam')
    """
    return tuple(method.name for method in (*of_kind("attribution"), *of_kind("occlusion")))


@dataclass(frozen=True, eq=False)
class _Wall:
    """One checked request.

    Attributes:
        class_scores: of the one image.
        feed: the image and the other inputs.
        target: what was asked for, which says where.
        classes: int (2,): the class and the best other one, or -1 where there is none.
        layer: see ``method_wall``.
        points: of the curves.
    """

    class_scores: ClassScores
    feed: Any
    target: Target
    classes: np.ndarray
    layer: Layer | None
    points: int

    def steps(self, names: Sequence[str]) -> Iterator[MethodWall]:
        scores = self.class_scores
        bound = scores.bound(self._targets()[:1])
        shown = scores.images[0], scores.network.value_range(self.feed)
        wall = MethodWall(scores.head, bound.names[0], self.classes, (), (), *shown, total=len(names))
        for curves in self._curves(self._random_order(bound)):
            wall = replace(wall, random=curves)
            yield wall
        for index, name in enumerate(names):
            for tile in self._tile(name):
                if tile is None:
                    yield replace(wall, index=index)
                    continue
                wall = replace(wall, tiles=(*wall.tiles, tile), index=index)
            yield wall

    def _tile(self, name: str) -> Iterator[WallTile | None]:
        """``None`` while a method runs, then its tile."""
        try:
            seconds, begin = 0.0, time.perf_counter()
            for result in METHODS[name].run(
                self.class_scores.network, self.feed, self._targets(), **self._options(name)
            ):
                seconds += time.perf_counter() - begin  # without what the consumer takes
                attribution: Attribution = result.attribution if isinstance(result, Occlusion) else result
                yield None
                begin = time.perf_counter()
            alone = _first_target(attribution)
            for finished in self._curves(alone):
                curves = finished
                yield None
        except CnnvisError as error:
            yield WallTile(name, refusal=str(error))
            return
        similar = float(correlations(*np.moveaxis(attribution.images, 1, 0))[0]) if self.classes[1] >= 0 else np.nan
        by_kind = {curve.kind: curve for curve in curves}
        yield WallTile(name, alone, seconds, by_kind["deletion"], by_kind.get("insertion"), similar)

    def _curves(self, attribution: Attribution) -> Iterator[tuple[PerturbationCurve, ...]]:
        """The curves so far: deletion and, of images that can be blurred, insertion."""
        kinds = [deletion_steps, insertion_steps] if self.class_scores.images.ndim > 2 else [deletion_steps]
        finished: tuple[PerturbationCurve, ...] = ()
        for kind in kinds:
            for curve in kind(self.class_scores.network, self.feed, attribution, steps=self.points):
                curves = (*finished, curve)
                yield curves
            finished = curves

    def _random_order(self, bound: BoundTargets) -> Attribution:
        """An attribution by chance: each pixel has a random number."""
        images = self.class_scores.images
        numbers = np.random.default_rng(0).random((1, 1, *(images.shape[1:-1] or images.shape[1:])), np.float32)
        return replace(attribution_without_images(self.class_scores, bound, "occlusion"), images=numbers)

    def _targets(self) -> list[Target]:
        """The class and its rival, at the place that was asked for."""
        return [replace(self.target, channel=int(number)) for number in self.classes if number >= 0]

    def _options(self, name: str) -> dict[str, Any]:
        options: dict[str, Any] = {"scores": self.class_scores.head}
        if self.layer is not None and METHODS[name].option("layer") is not None:
            options["layer"] = self.layer
        return options


def _first_target(attribution: Attribution) -> Attribution:
    """The attribution of the first target alone."""
    error, points = attribution.completeness_error, attribution.points
    return replace(
        attribution,
        targets=attribution.targets[:1],
        names=attribution.names[:1],
        images=attribution.images[:, :1],
        scores=attribution.scores[:, :1],
        completeness_error=None if error is None else error[:, :1],
        points=None if points is None else points[:, :1],
        channels=attribution.channels[:, :1],
        place_weights=attribution.place_weights[:1],
    )
