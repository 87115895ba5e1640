"""Attributions as colours: channels are summed, zero has its place, and over a photo it shows the photo."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cnnvis_widgets.imaging import colormaps
from cnnvis_widgets.imaging.heat import BLUR, FINE, LINE, contour, heat, outlined, overlay

LOWEST, MIDDLE, HIGHEST = 0, 128, 255


def test_channels_are_summed_before_they_are_coloured():
    values = np.array([[[3.0, 1.0], [-1.0, 2.0]]], np.float32)
    colours, summed = heat(values), heat(values.sum(axis=-1))
    assert colours.pixels.shape == (1, 2, 3)
    assert colours.pixels.dtype == np.uint8
    assert colours.limit == summed.limit == 4
    assert colours.strength.tolist() == [[1.0, 0.25]]
    assert colours.pixels.tobytes() == summed.pixels.tobytes()


def test_without_a_sign_zero_is_the_dark_end():
    colours = heat(np.array([[0.0, 2.0]]))
    assert not colours.signed
    assert colours.pixels.tolist() == [colormaps.SEQUENTIAL[[LOWEST, HIGHEST]].tolist()]


def test_with_a_sign_zero_is_the_middle():
    colours = heat(np.array([[-2.0, 0.0, 2.0]]))
    assert colours.signed
    assert colours.pixels.tolist() == [colormaps.DIVERGING[[LOWEST, MIDDLE, HIGHEST]].tolist()]


def test_what_is_not_known_is_drawn_as_zero():
    assert heat(np.array([[np.nan, 1.0]])).pixels.tolist() == heat(np.array([[0.0, 1.0]])).pixels.tolist()


def test_a_few_extreme_values_are_clipped():
    values = np.ones((20, 20), np.float32)
    values[0, 0] = 1000
    assert heat(values).limit == 1
    assert heat(values, limit=500).strength[0].tolist() == pytest.approx([1.0] + [1 / 500] * 19)


def test_zero_shows_the_photo_and_full_strength_the_colour():
    photo = np.array([[[30, 60, 90], [30, 60, 90]]], np.uint8)
    colours = heat(np.array([[0.0, 1.0]]))
    blended = overlay(photo, colours, 1.0)
    assert blended.dtype == np.uint8
    assert blended.tolist() == [[[60, 60, 60], colormaps.SEQUENTIAL[HIGHEST].tolist()]]
    half = overlay(photo, colours, 0.5)[0, 1]
    assert half.tolist() == np.rint((60 + colormaps.SEQUENTIAL[HIGHEST].astype(float)) / 2).astype(int).tolist()


def contour_by_hand(values, share):
    """Pixel by pixel: blur twice in each direction, take the strongest places, keep those with a neighbour outside."""
    height, width = values.shape
    radius = max(1, round(min(height, width) / BLUR))
    blurred = np.maximum(np.nan_to_num(values), 0)
    for _ in range(2):
        for down, across in ((1, 0), (0, 1)):
            result = np.zeros_like(blurred)
            for row, column in np.ndindex(height, width):
                for step in range(-radius, radius + 1):
                    y, x = row + step * down, column + step * across
                    if 0 <= y < height and 0 <= x < width:
                        result[row, column] += blurred[y, x] / (2 * radius + 1)
            blurred = result
    total, so_far, limit = blurred.sum(), 0.0, 0.0
    for value in sorted(blurred.ravel(), reverse=True):
        so_far, limit = so_far + value, value
        if so_far >= share * total:
            break
    inside = blurred >= limit - 1e-12
    border = np.zeros_like(inside)
    for row, column in np.argwhere(inside):
        around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        border[row, column] = any(not (0 <= y < height and 0 <= x < width) or not inside[y, x] for y, x in around)
    return border


@pytest.mark.parametrize("shape", [(20, 31), (120, 64)])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_contour_holds_its_share_of_the_evidence(shape, share):
    values = np.random.default_rng(1).normal(size=shape) ** 3
    values[3:9, 5:12] += 4.0
    values[0, 0] = np.nan
    assert_array_equal(contour(values, share), contour_by_hand(values, share))


def test_without_evidence_there_is_no_contour():
    assert not contour(np.full((6, 6), -1.0)).any()
    assert not contour(np.zeros((6, 6))).any()


def test_the_contour_lies_over_the_photo():
    rows, columns = np.mgrid[:400, :400]
    values = np.exp(-((rows - 200) ** 2 + (columns - 150) ** 2) / 5000.0)
    drawn, line = outlined(np.full((400, 400, 3), 90, np.uint8), values), contour(values.astype(np.float32))
    assert (drawn[line] == LINE).all()
    assert (drawn[~line] == 90).all()
    assert line.any()


def test_the_contour_of_a_small_picture_is_as_thin():
    rows, columns = np.mgrid[:40, :50]
    values = np.exp(-((rows - 20) ** 2 + (columns - 25) ** 2) / 50.0)
    drawn = outlined(np.full((40, 50, 3), 90, np.uint8), values)
    assert drawn.shape == (FINE, 500, 3)
    white = (drawn == LINE).all(axis=-1)
    across = np.flatnonzero(white[FINE // 2])
    assert len(across) == 2, "one pixel on either side"
    assert across.mean() == pytest.approx(250, abs=6)
