"""Numbers into brightness: min-max, centred on zero, or relative to a network's input range."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import NumericalError

ValueRange = tuple[ArrayLike, ArrayLike]
"""(low, high) of a network's input, as scalars or one per channel."""


def min_max(image: ArrayLike, *, upper: float = 255.0, epsilon: float = 1e-7) -> np.ndarray:
    """Stretch an image of any shape linearly so that it runs from 0 to ``upper``.

    The smallest value becomes exactly 0 and the largest exactly ``upper``, unless they lie less
    than ``epsilon`` apart: such an image has no contrast worth showing, and a constant one
    becomes 0 throughout.

    Returns:
        float32 for a float32 image, else float64; of the same shape.

    Raises:
        NumericalError: the image contains NaN or infinity.
    """
    values = finite(image)
    if values.size == 0:
        return values
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, epsilon) * upper


def rising(values: ArrayLike, limit: ArrayLike) -> np.ndarray:
    """Fractions 0 to 1 of ``limit``, for values that start at zero; those outside are clipped."""
    numbers = finite(values)
    return np.clip(numbers / np.asarray(limit, numbers.dtype), 0.0, 1.0)


def centred(values: ArrayLike, limit: ArrayLike) -> np.ndarray:
    """Fractions where zero is always 0.5, ``-limit`` is 0 and ``limit`` is 1; for signed values.

    With min-max instead, the grey that means zero would differ from picture to picture.
    """
    return np.clip(0.5 + finite(values) / (2 * np.asarray(limit)), 0.0, 1.0)


def to_uint8(image: ArrayLike, value_range: ValueRange = (0.0, 1.0)) -> np.ndarray:
    """Pixels 0 to 255 of an image (..., channels) in a network's own range; rounded and clipped.

    Raises:
        NumericalError: the image contains NaN or infinity.
    """
    low, high = (np.asarray(end, dtype=np.float32) for end in value_range)
    fraction = (finite(image) - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    return np.rint(255.0 * np.clip(fraction, 0.0, 1.0)).astype(np.uint8)


def finite(values: ArrayLike) -> np.ndarray:
    """The values as floats, or NumericalError: NaN would be drawn as an arbitrary brightness."""
    array = np.asarray(values)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise NumericalError(
            f"A picture needs finite values. Received: {bad} of {array.size} values NaN or infinite. "
            "Check the weights and the input of the network."
        )
    return array
