"""Objectives: what a climb raises, as values that can be added, subtracted and multiplied.

``channel("conv3", 5) - 0.1 * total_variation()`` is a new objective; its operands stay as they were. Where an
objective takes a layer, it takes any name that ``Network.select`` understands. Activations are seen with the
channels last; a layer's mean is over its spatial axes, so that weights mean the same at every size.

References:
    [1] C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization", Distill, 2017,
        DOI 10.23915/distill.00007 (units, channels, directions, diversity).
    [2] A. Mordvintsev, C. Olah and M. Tyka, the DeepDream notebook for Caffe, 2015 (layers, guides).
    [3] A. Mahendran and A. Vedaldi, "Understanding Deep Image Representations by Inverting Them", CVPR 2015,
        DOI 10.1109/CVPR.2015.7299155 (inversion, total variation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...results import Layer
from . import objective_terms as terms


@dataclass(frozen=True, eq=False)
class Objective:
    """A scalar for each image, to be raised. Made by the functions of this module, not by hand.

    Attributes:
        name: which function made it, or 'add', 'multiply', 'number'.
        arguments: what it was given: layer names, numbers, arrays, images, other objectives.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: Objective | float) -> Objective:
        return Objective("add", {"left": self, "right": _objective(other)})

    def __mul__(self, other: Objective | float) -> Objective:
        return Objective("multiply", {"left": self, "right": _objective(other)})

    def __neg__(self) -> Objective:
        return self * -1.0

    def __sub__(self, other: Objective | float) -> Objective:
        return self + -_objective(other)

    def __rsub__(self, other: float) -> Objective:
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def __repr__(self) -> str:
        signs = {"add": "+", "multiply": "*"}
        shown = [_shown(value) for value in self.arguments.values()]
        if self.name == "number":
            return shown[0]
        return f"({f' {signs[self.name]} '.join(shown)})" if self.name in signs else f"{self.name}({', '.join(shown)})"

    def value(self, scene: terms.Scene) -> Any:
        """The objective of every image of a scene, a tensor (images,)."""
        given = {name: each.value if isinstance(each, Objective) else each for name, each in self.arguments.items()}
        return terms.TERMS[self.name](scene, **given)

    def children(self) -> list[Objective]:
        """The objectives it is made of."""
        return [each for each in self.arguments.values() if isinstance(each, Objective)]

    def mapped(self, change: Callable[[str, str, Any], Any]) -> Objective:
        """The same objective with every argument replaced by ``change(term, argument name, argument)``."""
        return Objective(
            self.name,
            {
                name: each.mapped(change) if isinstance(each, Objective) else change(self.name, name, each)
                for name, each in self.arguments.items()
            },
        )


def _objective(value: Objective | float) -> Objective:
    if isinstance(value, Objective):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"Expected an objective or a number. Received: {value!r}.")
    return Objective("number", {"number": float(value)})


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"array {value.shape}"
    return f"{value:g}" if isinstance(value, float) else repr(value)


def channel(layer: str | Layer, channel: int | str) -> Objective:
    """The mean activation of one channel of a layer; classes may be named."""
    return Objective("channel", {"layer": layer, "channel": channel})


def logit(class_: int | str) -> Objective:
    """The score of a class, by number or name, before the softmax."""
    return Objective("channel", {"layer": "", "channel": class_})


def unit(layer: str | Layer, channel: int | str, position: Sequence[int] | None = None) -> Objective:
    """One unit of a layer: a channel at a position (y, x), by default in the middle."""
    place = np.asarray([-1, -1] if position is None else position, np.int32)
    return Objective("unit", {"layer": layer, "channel": channel, "position": place})


def layer(layer: str | Layer) -> Objective:
    """The mean of the squares of a layer's activations: whatever it sees already, more of it (deep dream)."""
    return Objective("layer", {"layer": layer})


def direction(layer: str | Layer, vector: Any) -> Objective:
    """The mean of activations · vector over all positions; ``vector`` has one entry for each channel."""
    return Objective("direction", {"layer": layer, "vector": np.asarray(vector, np.float32)})


def direction_cosine(layer: str | Layer, vector: Any) -> Objective:
    """The mean cosine between the activations at each position and ``vector``."""
    return Objective("direction_cosine", {"layer": layer, "vector": np.asarray(vector, np.float32)})


def masked(objective: Objective, mask: Any) -> Objective:
    """An objective that sees a layer's activations multiplied by a mask (height, width), resized to the layer."""
    return Objective("masked", {"objective": objective, "mask": np.asarray(mask, np.float32)})


def guide(layer: str | Layer, image: Any) -> Objective:
    """At every position, the dot product with the most similar position of a guide image: dream of *that*."""
    return Objective("guide", {"layer": layer, "image": image})


def caricature(layer: str | Layer, image: Any, power: float = 1.0) -> Objective:
    """What a layer sees in an image, more of it: dot product times cosine to a power, position by position."""
    return Objective("caricature", {"layer": layer, "image": image, "power": float(power)})


def inversion(layer: str | Layer, image: Any) -> Objective:
    """Minus the squared distance to a layer's activations of an image, relative to their own square."""
    return Objective("inversion", {"layer": layer, "image": image})


def diversity(layer: str | Layer) -> Objective:
    """Minus the mean cosine between the channel correlations of each picture and of the others dreamt with it."""
    return Objective("diversity", {"layer": layer})


def total_variation() -> Objective:
    """The mean absolute difference between neighbouring pixels, in [0, 1]; subtract it for smoother pictures."""
    return Objective("total_variation")


def l1(about: float = 0.5) -> Objective:
    """The mean distance of pixels, in [0, 1], from a grey."""
    return Objective("l1", {"about": float(about)})


def l2(about: float = 0.5) -> Objective:
    """The mean squared distance of pixels, in [0, 1], from a grey."""
    return Objective("l2", {"about": float(about)})
