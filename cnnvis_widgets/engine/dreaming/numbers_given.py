"""Arrays that a person gives to a parameterization, checked before anything is computed from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import OptionError

_MOST_NUMBERS = 2**28


def numbers_of(values: Any, axes: int, what: str) -> np.ndarray:
    """Return finite numbers as an array.

    Raises:
        OptionError: they are none, or have other axes.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.empty((), object)
    size, numeric = array.size, array.dtype.kind in "biuf"
    if array.ndim != axes or not numeric or not 0 < size <= _MOST_NUMBERS or not np.isfinite(array).all():
        raise OptionError(f"Expected {what}, finite. Received: {array.dtype} of shape {array.shape}.")
    return array


def matrix_of(colours: Any) -> np.ndarray:
    """Return colours as a square float32 matrix (channels, channels).

    Raises:
        OptionError: they are none, or the matrix has no inverse.
    """
    matrix = numbers_of(colours, 2, "colours (channels, channels)").astype(np.float32)
    if matrix.shape[0] != matrix.shape[1] or np.linalg.matrix_rank(matrix) < len(matrix):
        raise OptionError(f"Expected colours as a square matrix with an inverse. Received: shape {matrix.shape}.")
    return matrix
