"""Turn numbers into brightness: min-max, from zero, centred on zero, or relative to the range of an input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import NumericalError

ValueRange = tuple[ArrayLike, ArrayLike]
"""(low, high) of a network's input, as scalars or one per channel."""


def min_max(image: ArrayLike, *, upper: float = 255.0, epsilon: float = 1e-7) -> np.ndarray:
    """Stretch an image of any shape linearly to the range 0 to ``upper``.

    The smallest value becomes exactly 0 and the largest exactly ``upper``. If they differ by less than ``epsilon``,
    the image has no contrast worth showing and is stretched less; a constant image becomes 0.

    Returns:
        float32 for a float32 image, else float64; of the same shape.

    Raises:
        NumericalError: the image contains NaN or infinity.

    Example:
        >>> min_max([1, 2, 3]).tolist()
        [0.0, 127.5, 255.0]
    """
    values = finite(image)
    if values.size == 0:
        return values
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, epsilon) * upper


def rising(values: ArrayLike, limit: ArrayLike) -> np.ndarray:
    """Turn values into fractions of ``limit``, clipped to 0 to 1; for values that are not negative."""
    numbers = finite(values)
    return np.clip(numbers / np.asarray(limit, numbers.dtype), 0.0, 1.0)


def centred(values: ArrayLike, limit: ArrayLike) -> np.ndarray:
    """Turn signed values into fractions: ``-limit`` becomes 0, zero 0.5, and ``limit`` 1; the rest is clipped.

    Min-max would draw zero in another grey in every picture.
    """
    return np.clip(0.5 + finite(values) / (2 * np.asarray(limit)), 0.0, 1.0)


def to_uint8(image: ArrayLike, value_range: ValueRange = (0.0, 1.0)) -> np.ndarray:
    """Turn an image (..., channels) in the range of a network's input into pixels 0 to 255, rounded and clipped.

    Raises:
        NumericalError: the image contains NaN or infinity.
    """
    low, high = (np.asarray(end, dtype=np.float32) for end in value_range)
    fraction = (finite(image) - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    return np.rint(255.0 * np.clip(fraction, 0.0, 1.0)).astype(np.uint8)


def finite(values: ArrayLike) -> np.ndarray:
    """Return the values as floats.

    Raises:
        NumericalError: NaN or infinity among them, which would be drawn in an arbitrary brightness.
    """
    array = np.asarray(values)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise NumericalError(
            f"Expected finite values for a picture. Received: {bad} of {array.size} values NaN or infinite. "
            "Check the weights and the input of the network."
        )
    return array
