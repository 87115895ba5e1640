"""Signals as curves."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from cnnvis_widgets.imaging import colormaps
from cnnvis_widgets.imaging.curves import area_picture, areas, projection_curves, signal_picture


def test_areas_are_as_high_as_the_value():
    low, high = 1, 254
    strips = np.array([low, 128, high], np.uint8).reshape(1, 1, 3, 1).repeat(4, axis=1)
    pixels = areas(strips, signed=False)
    factor = 128 // 3
    assert (pixels.shape, pixels.dtype) == ((1, 2 * 3 * factor // 5, 3 * factor, 1), np.uint8)
    heights = (pixels[0, ..., 0] != low).sum(axis=0)[factor // 2 :: factor]
    assert heights[0] == 0
    assert abs(heights[1] - pixels.shape[1] / 2) <= 1
    assert heights[2] == pixels.shape[1]
    assert set(np.unique(pixels)) == {low, 128, high}


def test_signed_areas_lie_above_and_below_the_middle():
    strips = np.array([1, 128, 254], np.uint8).reshape(1, 1, 3, 1)
    pixels = areas(strips, signed=True)[0, ..., 0]
    middle, factor = len(pixels) // 2, 128 // 3
    below, zero, above = pixels[:, ::factor].T
    assert (zero == 128).all()
    assert (below[: middle - 1] == 128).all()
    assert (below[middle + 1 :] == 1).all()
    assert (above[: middle - 1] == 254).all()
    assert (above[middle + 1 :] == 128).all()


def test_a_dead_map_stays_plain():
    strips = np.full((1, 2, 5, 1), colormaps.DEAD_NUMBER, np.uint8)
    assert (areas(strips, signed=False) == colormaps.DEAD_NUMBER).all()


def test_a_signal_is_a_line_for_each_channel():
    ramp = np.linspace(-1, 1, 64)
    pixels = signal_picture(np.stack([ramp, np.zeros(64)], axis=1), (-1, 1))
    assert (pixels.shape, pixels.dtype) == ((144, 256, 3), np.uint8)
    ink = (pixels == [25, 118, 210]).all(axis=-1)
    first, second = ink[:72], ink[72:]
    assert first[:, 0].argmax() > 65
    assert first[:, -1].argmax() < 5
    assert_array_equal(np.flatnonzero(second[:, 100]), np.flatnonzero(second[:, 7]))
    assert abs(np.flatnonzero(second[:, 100]).mean() - 35.5) <= 1


def test_a_constant_signal_and_many_channels_are_drawn():
    assert signal_picture(np.zeros((8, 1)), (0, 0)).shape == (72, 256, 3)
    assert signal_picture(np.zeros((1000, 40)), (0, 1)).shape == (40 * 14, 1000, 3)


def test_numbers_are_drawn_in_the_colours_of_maps():
    pixels = area_picture([0.0, 2.0], limit=2.0, signed=False)
    assert (pixels.shape, pixels.dtype) == ((51, 128, 3), np.uint8)
    assert_array_equal(pixels[:, 0], np.broadcast_to(colormaps.palette(False)[1], (51, 3)))
    assert_array_equal(pixels[:, -1], np.broadcast_to(colormaps.palette(False)[254], (51, 3)))


def test_projections_of_signals_have_scales_of_their_own():
    images = np.zeros((2, 64, 1), np.float32)
    images[0, 10], images[1, 10] = 1e-3, -5
    pixels = projection_curves(images)
    assert (pixels.shape, pixels.dtype) == ((2, 72, 256, 3), np.uint8)
    ink = (pixels == [25, 118, 210]).all(axis=-1)
    assert ink[0].any(axis=1).argmax() < 3, "up to the top"
    assert ink[1].any(axis=1)[::-1].argmax() < 3, "down to the bottom"
