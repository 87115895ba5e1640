"""Words below tiles: the tiles stay as they are, and words stay within their cell."""

from __future__ import annotations

import numpy as np

from cnnvis_widgets.imaging.captions import captioned_grid


def test_tiles_stay_as_they_are_and_words_stand_below_them():
    tiles = np.random.default_rng(0).integers(0, 256, (3, 60, 200, 3)).astype(np.uint8)
    picture = captioned_grid(
        tiles, [["one"], ["two", "lines"], ["a line that is much too long for a tile of this width"]]
    )
    height = 60 + 2 * 17 + 2 * 5
    assert picture.shape == (2 * height + 8, 2 * 200 + 8, 3)
    assert picture.dtype == np.uint8
    assert (picture[:60, :200] == tiles[0]).all()
    assert (picture[:60, 208:] == tiles[1]).all()
    assert (picture[height + 8 : height + 68, :200] == tiles[2]).all()
    assert picture[60:height, :200].min() < 100
    assert (picture[60:height, 200:208] == 255).all()
    assert (picture[height : height + 8] == 255).all()
    assert (picture[height + 8 :, 208:] == 255).all()  # an empty place
    assert (picture[height + 68 :, 195:200] == 255).all()  # the margin


def test_a_sign_that_the_font_lacks_is_spelled():
    blank = np.zeros((1, 10, 10, 3), np.uint8)
    assert (captioned_grid(blank, [["Gradient × input"]]) == captioned_grid(blank, [["Gradient x input"]])).all()


def test_small_tiles_get_room_for_words():
    picture = captioned_grid(np.zeros((1, 10, 10, 3), np.uint8), [["word"]])
    assert picture.shape == (10 + 17 + 10, 170, 3)
    assert (picture[:10, 10:] == 255).all()
