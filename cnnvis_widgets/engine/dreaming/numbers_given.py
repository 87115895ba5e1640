"""Numbers that a person gives to a dream or a parameterization, checked before anything is computed from them."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from ...errors import OptionError

_MOST_NUMBERS = 2**28  # of an array, or pixels of a picture; more is a slip of the keyboard


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


def is_count(value: Any, least: int) -> bool:
    """Whether a value is a whole number of at least ``least``."""
    return isinstance(value, Integral) and int(value) >= least


def is_number(value: Any, lowest: float, highest: float) -> bool:
    """Whether a value is a finite number between two others."""
    return isinstance(value, Real) and lowest <= float(value) <= highest and float(value) < np.inf


def is_size(size: Any) -> bool:
    """Whether a value is a size in pixels that a picture can have."""
    sides = isinstance(size, tuple | list) and all(is_count(side, 1) for side in size)
    return sides and math.prod(size) <= _MOST_NUMBERS


def require_mask(given: Any) -> None:
    """Check that this is a mask: two axes, and numbers from 0 to 1.

    Raises:
        OptionError: it is not.
    """
    try:
        mask = np.asarray(given, np.float32)
    except (TypeError, ValueError):
        mask = np.zeros((), np.float32)
    if mask.ndim != 2:
        raise OptionError(
            f"Expected a mask of shape (height, width), with numbers from 0 to 1. Received: {type(given).__name__} of "
            f"shape {np.shape(given) if isinstance(given, np.ndarray) else ()}. Give an array of two axes."
        )
    if not (mask.size and np.all((mask >= 0) & (mask <= 1))):
        raise OptionError(
            f"Expected a mask of numbers from 0 to 1. Received: mask of shape {mask.shape}, "
            f"{f'from {mask.min():g} to {mask.max():g}' if mask.size else 'empty'}. Scale it to that range."
        )


def range_of(value_range: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return a range (darkest, brightest) as float32 arrays.

    Raises:
        OptionError: it is none.
    """
    try:
        low, high = (np.asarray(end, np.float32) for end in value_range)
        ordered = bool(np.all(low < high)) and bool(np.isfinite(low).all() and np.isfinite(high).all())
    except (TypeError, ValueError):
        ordered = False
    if not ordered:
        raise OptionError(
            f"Expected value_range as (darkest, brightest). Received: value_range={value_range!r}. "
            "Give the smaller value first."
        )
    return low, high
