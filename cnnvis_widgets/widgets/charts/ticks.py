"""Round numbers for the axis of a chart."""

from __future__ import annotations

import numpy as np


def round_ticks(low: float, high: float, most: int = 6) -> np.ndarray:
    """Up to ``most`` multiples of 1, 2 or 5 times a power of ten, between two numbers.

    Example:
        >>> round_ticks(0.0, 6.0).tolist(), round_ticks(-0.3, 0.4, 4).tolist()
        ([0.0, 2.0, 4.0, 6.0], [-0.2, 0.0, 0.2, 0.4])
    """
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return np.array([low])
    power = 10.0 ** np.floor(np.log10(span / most))
    unit = next(unit for unit in (power, 2 * power, 5 * power, 10 * power) if span / unit < most)
    first, last = np.ceil(low / unit - 1e-9), np.floor(high / unit + 1e-9)
    return np.round(np.arange(first, last + 1) * unit, 12) + 0.0
