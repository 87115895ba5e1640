"""Attributions as colours: channels are summed, zero has its place, and over a photo it shows the photo."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_widgets.imaging import colormaps
from cnnvis_widgets.imaging.heat import heat, overlay

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
