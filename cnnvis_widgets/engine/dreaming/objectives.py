"""Objectives: what a dream increases, as values that can be added, subtracted and multiplied.

``channel("conv3", 5) - 0.1 * total_variation()`` is a new objective; its operands do not change. Every ``layer`` can be
any name that ``Network.layer`` understands. Activations have their channels last. A mean is over all places of a layer,
so a weight means the same at every size.

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
from operator import index
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import checked
from ...errors import ChannelError
from ...results import Layer
from .objective_terms import TERMS, ObjectiveInputs


@checked
@dataclass(frozen=True, eq=False)
class Objective:
    """A score for each image, to be increased. The functions of this module make objectives.

    Attributes:
        name: of the function that made it, or 'add', 'multiply', 'number'.
        arguments: of that function: names of layers, numbers, arrays, images, other objectives.
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
        texts = [_text(argument) for argument in self.arguments.values()]
        if self.name == "number":
            return texts[0]
        return f"({f' {signs[self.name]} '.join(texts)})" if self.name in signs else f"{self.name}({', '.join(texts)})"

    def value(self, inputs: ObjectiveInputs) -> Any:
        """The score of every image, a tensor (images,)."""
        arguments = {
            name: argument.value if isinstance(argument, Objective) else argument
            for name, argument in self.arguments.items()
        }
        return TERMS[self.name].formula(inputs, **arguments)

    def mapped(self, change: Callable[[Any], Any]) -> Objective:
        """The same objective with every argument replaced by ``change(argument)``, also in the objectives inside it."""
        return Objective(
            self.name,
            {
                name: argument.mapped(change) if isinstance(argument, Objective) else change(argument)
                for name, argument in self.arguments.items()
            },
        )


def _objective(value: Objective | float) -> Objective:
    if isinstance(value, Objective):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"Expected an objective or a number. Received: {value!r}. Objectives add to each other only.")
    return Objective("number", {"number": float(value)})


def _text(argument: Any) -> str:
    if isinstance(argument, np.ndarray) and argument.ndim:
        return f"array {argument.shape}"
    if isinstance(argument, Layer):
        return repr(argument.name)
    return f"{argument:g}" if isinstance(argument, float) else repr(argument)


@checked
def channel(layer: str | Layer, channel: int | str) -> Objective:
    """The mean activation of one channel of a layer. A class can be given by name.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.channel("conv3", 5) - 0.1 * objectives.total_variation()
        (channel('conv3', 5) + ((total_variation() * 0.1) * -1))
    """
    return Objective("channel", {"layer": layer, "channel": channel})


@checked
def logit(class_: int | str) -> Objective:
    """The score of a class, by number or name, before the softmax.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.logit("goldfish") + objectives.logit("daisy")
        (channel('', 'goldfish') + channel('', 'daisy'))
    """
    return Objective("channel", {"layer": "", "channel": class_})


def _whole_numbers(values: Any, expected: str) -> np.ndarray:
    try:
        return np.asarray([index(value) for value in values], np.int32)
    except (TypeError, OverflowError) as error:
        raise ChannelError(f"Expected {expected} of whole numbers. Received: {values!r}.") from error


@checked
def unit(layer: str | Layer, channel: int | str, position: Sequence[int] | None = None) -> Objective:
    """The activation of one unit: a channel at a position (y, x), by default in the middle of the map.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.unit("conv3", 5, (7, 9)).arguments["position"]
        array([7, 9], dtype=int32)
    """
    place = _whole_numbers([-1, -1] if position is None else position, "a position (y, x)")
    return Objective("unit", {"layer": layer, "channel": channel, "position": place})


@checked
def region(layer: str | Layer, channel: int | str, region: Sequence[int]) -> Objective:
    """The mean activation of one channel in a part of its map: (top, left, height, width) in units of the map.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.region("conv3", 5, (0, 0, 4, 8)).arguments["region"]
        array([0, 0, 4, 8], dtype=int32)
    """
    return Objective("region", {"layer": layer, "channel": channel, "region": _whole_numbers(region, "a region")})


@checked
def layer(layer: str | Layer) -> Objective:
    """The mean of a layer's squared activations: strengthens whatever the layer detects (deep dream [2]).

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.layer("conv3") * 2
        (layer('conv3') * 2)
    """
    return Objective("layer", {"layer": layer})


@checked
def direction(layer: str | Layer, vector: ArrayLike) -> Objective:
    """The mean dot product of the activations at each place with ``vector``, which has one entry for each channel.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.direction("conv3", [1, -1, 0])
        direction('conv3', array (3,))
    """
    return Objective("direction", {"layer": layer, "vector": np.asarray(vector, np.float32)})


@checked
def direction_cosine(layer: str | Layer, vector: ArrayLike) -> Objective:
    """The mean cosine between the activations at each place and ``vector``, which has one entry for each channel.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.direction_cosine("conv3", [1, -1, 0])
        direction_cosine('conv3', array (3,))
    """
    return Objective("direction_cosine", {"layer": layer, "vector": np.asarray(vector, np.float32)})


@checked
def masked(objective: Objective, mask: ArrayLike) -> Objective:
    """An objective on activations that are multiplied by a mask.

    Args:
        objective: any objective on layers with height and width.
        mask: (height, width) in [0, 1], of any size; it is resized to each layer.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import objectives
        >>> objectives.masked(objectives.channel("conv3", 5), np.eye(4))
        masked(channel('conv3', 5), array (4, 4))
    """
    return Objective("masked", {"objective": objective, "mask": np.asarray(mask, np.float32)})


@checked
def guide(layer: str | Layer, image: Any) -> Objective:
    """The dot product, at each place, with the most similar place of a guide image: brings the guide's features in [2].

    Args:
        layer: a layer with height and width.
        image: the guide, as ``dream`` takes ``start``.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import objectives
        >>> objectives.guide("conv3", np.zeros((32, 32, 3), np.uint8))
        guide('conv3', array (32, 32, 3))
    """
    return Objective("guide", {"layer": layer, "image": image})


@checked
def caricature(layer: str | Layer, image: Any, power: float = 1.0) -> Objective:
    """Exaggerates what a layer detects in an image: at each place, the dot product times the cosine to a power.

    Args:
        layer: a layer of the network.
        image: as ``dream`` takes ``start``.
        power: of the cosine; larger powers stay closer to the features of the image.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import objectives
        >>> objectives.caricature("conv3", np.zeros((32, 32, 3), np.uint8), power=2)
        caricature('conv3', array (32, 32, 3), 2)
    """
    return Objective("caricature", {"layer": layer, "image": image, "power": float(power)})


@checked
def inversion(layer: str | Layer, image: Any) -> Objective:
    """Minus the squared distance to a layer's activations of an image, relative to their square [3].

    Args:
        layer: a layer of the network.
        image: as ``dream`` takes ``start``.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import objectives
        >>> objectives.inversion("conv3", np.zeros((32, 32, 3), np.uint8)) - objectives.total_variation()
        (inversion('conv3', array (32, 32, 3)) + (total_variation() * -1))
    """
    return Objective("inversion", {"layer": layer, "image": image})


@checked
def diversity(layer: str | Layer) -> Objective:
    """Makes the pictures of one objective differ: minus the mean cosine between their channel correlations [1].

    It needs ``dream(..., pictures=2)`` or more.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.channel("conv3", 5) + objectives.diversity("conv3")
        (channel('conv3', 5) + diversity('conv3'))
    """
    return Objective("diversity", {"layer": layer})


def total_variation() -> Objective:
    """The mean absolute difference of neighbouring pixels, which are in [0, 1]. Subtract it for smoother pictures [3].

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.logit(3) - 0.5 * objectives.total_variation()
        (channel('', 3) + ((total_variation() * 0.5) * -1))
    """
    return Objective("total_variation")


@checked
def l1(about: float = 0.5) -> Objective:
    """The mean distance of pixels, which are in [0, 1], from the grey ``about``. Subtract it for greyer pictures.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.logit(3) - objectives.l1()
        (channel('', 3) + (l1(0.5) * -1))
    """
    return Objective("l1", {"about": float(about)})


@checked
def l2(about: float = 0.5) -> Objective:
    """The mean squared distance of pixels, which are in [0, 1], from the grey ``about``.

    Example:
        >>> from cnnvis_widgets import objectives
        >>> objectives.logit(3) - objectives.l2(about=0.4)
        (channel('', 3) + (l2(0.4) * -1))
    """
    return Objective("l2", {"about": float(about)})
