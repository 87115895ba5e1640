"""How a network responds to an image that is turned, shifted or scaled, step by step.

References:
    [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", section 4.1 and figure 5,
        ECCV 2014, DOI 10.1007/978-3-319-10590-1_53.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import cos, radians, sin
from typing import Any

import numpy as np
from PIL import Image

from ..arguments import checked
from ..engine.activations import activations
from ..engine.attribution.predictions import predict
from ..engine.network.channels import class_number
from ..engine.network.loading import load
from ..errors import FeedError, OptionError
from ..results import Invariance, Layer
from .decoding import constant_feeds

Matrix = tuple[float, float, float, float]
"""From (x, y) of the result to (x, y) of the image, both measured from the centre, row by row."""


def _turn(degrees: float) -> Matrix:
    return cos(radians(degrees)), -sin(radians(degrees)), sin(radians(degrees)), cos(radians(degrees))


_MATRICES: dict[str, Callable[[float], Matrix]] = {
    "rotate": _turn,
    "scale": lambda factor: (1 / factor, 0.0, 0.0, 1 / factor),
    "shift": lambda pixels: (1.0, 0.0, 0.0, 1.0),
}
_AMOUNTS = {
    "rotate": tuple(float(degrees) for degrees in range(0, 360, 15)),
    "scale": tuple(1 + 0.1 * step for step in range(9)),
    "shift": tuple(float(pixels) for pixels in range(-60, 61, 10)),
}


@checked
def invariance(
    network: Any,
    image: Any,
    layers: str | Layer | Iterable[str | Layer] = "r",
    *,
    transformation: str = "rotate",
    amounts: Sequence[float] | None = None,
    target: int | str | None = None,
) -> Invariance:
    """Turn, shift or scale an image step by step, and measure how far the activations of layers move away.

    Early layers move far with a small step; late layers, where a network is invariant, hardly move.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        image: one image, as ``load`` takes it, with height and width.
        layers: a selection (see ``Network.select``).
        transformation: 'rotate' about the centre, by degrees against the clock; 'scale' about the centre, by factors;
            'shift' downwards, by pixels. What comes in from outside the image is the middle of its range.
        amounts: the steps; by default every 15 degrees, factors from 1 to 1.8, or pixels from -60 to 60, as in [1].
        target: the class whose probability is followed, by name or number; ``None`` for the surest class of the image.

    Returns:
        The Euclidean distances of the activations from those of the image as it is, and the probability of the class.

    Raises:
        OptionError: an unknown transformation, or a factor that is not above 0.
        FeedError: there is not one image with height and width. LayerError, ChannelError: no such layer or class.

    Example:
        >>> from cnnvis_widgets import demo, invariance
        >>> curves = invariance(demo.small_cnn(), demo.digits().test_images[0], ["conv1", "conv3"], amounts=[0, 90])
        >>> curves.distances.shape, float(curves.distances[0, 0])
        ((2, 2), 0.0)
    """
    steps = _checked(transformation, amounts)
    network = load(network)
    chosen, runtime = network.select(layers), network.runtime
    pictures = network.images(image)
    if len(pictures) != 1 or pictures.ndim != 4:
        raise FeedError(f"Expected one image with height and width. Received: shape {pictures.shape}.")
    low, high = network.value_range(image)
    middle = np.broadcast_to((low + high) / 2, pictures.shape[-1:])
    moved = [pictures[0], *(_moved(pictures[0], transformation, amount, middle) for amount in steps)]
    feeds = {runtime.image_tensor: runtime.from_images(np.stack(moved)), **constant_feeds(network)}
    maps = [each.values.reshape(len(moved), -1).astype(np.float64) for each in activations(network, feeds, chosen)]
    distances = np.stack([np.linalg.norm(values[1:] - values[:1], axis=1) for values in maps]).astype(np.float32)
    predictions = predict(network, feeds)
    number = predictions.top(1)[0][0] if target is None else class_number(predictions.head, target)
    amounts_of_class = predictions.amounts[1:, number]
    return Invariance(transformation, steps, chosen, distances, predictions.names[number], amounts_of_class)


def _checked(transformation: str, amounts: Sequence[float] | None) -> tuple[float, ...]:
    if transformation not in _MATRICES:
        known = ", ".join(map(repr, _MATRICES))
        raise OptionError(f"Expected one of {known}. Received: transformation={transformation!r}.")
    steps = tuple(map(float, _AMOUNTS[transformation] if amounts is None else amounts))
    if not steps or (transformation == "scale" and min(steps) <= 0):
        raise OptionError(f"Expected at least one step, and factors above 0. Received: amounts={list(steps)}.")
    return steps


def _moved(image: np.ndarray, transformation: str, amount: float, middle: np.ndarray) -> np.ndarray:
    """One picture (height, width, channels) after one step, bilinear."""
    height, width = image.shape[:2]
    xx, xy, yx, yy = _MATRICES[transformation](amount)
    down = amount if transformation == "shift" else 0.0
    centre_x, centre_y = width / 2, height / 2
    shift_x = centre_x - xx * centre_x - xy * (centre_y + down)
    shift_y = centre_y - yx * centre_x - yy * (centre_y + down)
    matrix = (xx, xy, shift_x, yx, yy, shift_y)
    bands = [
        Image.fromarray(np.ascontiguousarray(image[..., channel], np.float32)).transform(
            (width, height),
            Image.Transform.AFFINE,
            matrix,
            Image.Resampling.BILINEAR,
            fillcolor=float(middle[channel]),
        )
        for channel in range(image.shape[-1])
    ]
    return np.stack([np.asarray(band) for band in bands], -1)
