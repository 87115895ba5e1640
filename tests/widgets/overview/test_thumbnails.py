"""Thumbnails against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_widgets.imaging.colormaps import MAGMA
from cnnvis_widgets.widgets.overview.thumbnails import (
    COLUMNS,
    GAMMA,
    HIGHEST,
    LOWEST,
    drawing,
    photo_thumbnail,
    resized,
    sprite,
    thumbnail,
    tile_size,
)

RNG = np.random.default_rng(2)


def test_a_smaller_map_is_the_mean_of_what_falls_together():
    values = RNG.normal(size=(12, 8)).astype(np.float32)
    wanted = values.reshape(3, 4, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(resized(values, (3, 4)), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(resized(values, (24, 16)), values.repeat(2, axis=0).repeat(2, axis=1))


def test_the_scale_is_the_maps_own_between_two_percentiles():
    values = RNG.exponential(size=(40, 40)).astype(np.float32)
    low, high = np.percentile(values, [LOWEST, HIGHEST])
    levels = np.rint(255 * np.clip((values - low) / (high - low), 0, 1) ** GAMMA).astype(int)
    np.testing.assert_array_equal(thumbnail(values, (40, 40)), MAGMA[levels])
    np.testing.assert_array_equal(thumbnail(values * 1000, (40, 40)), MAGMA[levels])


def test_an_empty_map_is_dark_and_one_bright_pixel_is_seen():
    assert (thumbnail(np.zeros((7, 7), np.float32), (48, 48)) == MAGMA[0]).all()
    assert (thumbnail(np.full((7, 7), 3.0, np.float32), (48, 48)) == MAGMA[0]).all()
    single = np.zeros((48, 48), np.float32)
    single[3, 4] = 2.0
    drawn = thumbnail(single, (48, 48))
    assert (drawn[3, 4] == MAGMA[255]).all()
    assert (drawn != MAGMA[0]).any(axis=-1).sum() == 1


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((224, 224, 3), (48, 48)),
        ((144, 256, 3), (27, 48)),
        ((200, 50, 1), (48, 24)),
        ((8, 16, 16, 1), (48, 48)),
        ((64, 2), (48, 48)),
    ],
)
def test_all_thumbnails_have_the_shape_of_the_image(shape, size):
    assert tile_size(shape) == size


def test_a_signal_is_a_line_with_its_peaks_and_a_dense_layer_bars():
    signal = np.zeros(400, np.float32)
    signal[123], signal[301] = 2.0, -1.0
    kind, points = drawing(signal, signal=True)
    assert (kind, len(points)) == ("line", 40)
    assert (points[12], points[30], points[0]) == (1.0, 0.0, round(1 / 3, 3))
    kind, bars = drawing(np.arange(24, dtype=np.float32), signal=False)
    assert (kind, len(bars), bars[-1], bars[0]) == ("bars", 12, 1.0, round(1 / 23, 3))
    assert drawing(np.zeros(3, np.float32), signal=False) == ("bars", [0.0, 0.0, 0.0])


def test_the_sprite_has_a_place_for_each():
    tiles = RNG.integers(0, 255, (COLUMNS + 2, 4, 6, 3)).astype(np.uint8)
    whole = sprite(tiles)
    assert whole.shape == (8, 6 * COLUMNS, 3)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        np.testing.assert_array_equal(whole[4 * row : 4 * row + 4, 6 * column : 6 * column + 6], tile)
    assert not whole[4:, 12:].any()


def test_a_grey_photo_is_shown_in_grey():
    photo = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    small = photo_thumbnail(photo, (8, 8))
    assert small.shape == (8, 8, 3)
    np.testing.assert_array_equal(small[..., 0], photo[..., 0])
