"""Curves with axes."""

from __future__ import annotations

import numpy as np

from cnnvis_widgets.imaging.line_plot import line_plot


def rows_of(page: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The mean row of a colour, for each column of the plot where it occurs."""
    there = (page[:, 42:-80] == colour).all(axis=-1)
    return np.array([np.flatnonzero(column).mean() for column in there.T if column.any()])


def test_a_rising_curve_goes_up_and_a_constant_one_is_level():
    page = line_plot([0, 1, 2], {"rise": [0, 1, 2], "level": [1, 1, 1]}, title="t", label="x", size=(200, 330))
    assert page.shape == (200, 330, 3)
    assert page.dtype == np.uint8
    rise, level = rows_of(page, (31, 119, 180)), rows_of(page, (214, 39, 40))
    assert rise[0] > 160
    assert rise[-1] < 25
    assert np.ptp(level) <= 1
    assert abs(level.mean() - (rise[0] + rise[-1]) / 2) < 3


def test_equal_values_do_not_divide_by_zero():
    assert (line_plot([0, 1], {"none": [0, 0]}, title="t", label="x") < 255).any()
