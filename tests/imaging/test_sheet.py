"""Titled pictures in rows on one sheet."""

from __future__ import annotations

import numpy as np

from cnnvis_widgets.imaging.sheet import sheet


def test_pictures_keep_their_pixels_and_lie_side_by_side():
    red = np.zeros((4, 2, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4, 1) * 16
    page = np.asarray(sheet([[("", red), ("", grey)], [("", grey)]], height=8))
    assert page.shape == (2 * (8 + 15 + 6), 6 + 4 + 6 + 8 + 6, 3)
    assert (page[15:23, 6:10] == [255, 0, 0]).all()
    enlarged = grey[..., 0].repeat(2, axis=0).repeat(2, axis=1)
    for channel in range(3):
        assert np.array_equal(page[15:23, 16:24, channel], enlarged)
        assert np.array_equal(page[44:52, 6:14, channel], enlarged)
    assert (page[:15] == 255).all()


def test_a_title_is_written_above():
    page = np.asarray(sheet([[("cat", np.full((8, 40), 255, np.uint8))]], height=8))
    assert (page[:15] < 128).any()
    assert (page[15:] == 255).all()
