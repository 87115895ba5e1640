"""The helpers of tf_cnnvis: bounds, rounding, both orders of their arguments, and no stretch that they do not make."""

from __future__ import annotations

import numpy as np
import pytest

import cnnvis_widgets
from cnnvis_widgets import errors, legacy, utils
from cnnvis_widgets.imaging.tf_cnnvis import convert_into_grid, image_normalization

IMAGES = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1)


def test_every_old_import_finds_the_same_functions():
    assert utils.__all__ == ["convert_into_grid", "image_normalization"]
    for module in (cnnvis_widgets, legacy, utils):
        assert module.image_normalization is image_normalization
        assert module.convert_into_grid is convert_into_grid
    names: dict[str, object] = {}
    exec("from cnnvis_widgets import *", names)
    wanted = {"activation_visualization", "deconv_visualization", "deepdream_visualization", *utils.__all__}
    assert wanted <= names.keys()


def test_image_normalization_rounds_and_reaches_the_bound():
    image = np.float32([[[0.0], [0.5]], [[0.25], [1.0]]])
    result = image_normalization(image)
    assert (result.dtype, result.shape) == (np.uint8, image.shape)
    assert result.ravel().tolist() == [0, 128, 64, 255]
    assert image_normalization(image, 100.0).max() == 100
    assert image_normalization(image, 100.0, 2.0).max() == 50
    assert image_normalization(image, s=0.1, ubound=10).max() == 10
    assert image_normalization(image, epsilon=2.0).max() == 128


@pytest.mark.parametrize(
    ("arguments", "largest"), [((0.1,), 255), ((0.1, 255.0), 255), ((0.1, 100.0), 100), ((1.0, 200), 200)]
)
def test_image_normalization_in_the_later_order_of_arguments(arguments, largest):
    with pytest.warns(DeprecationWarning, match=rf"Received: {arguments[0]}, read as s, and ubound={largest}"):
        result = image_normalization(np.float32([[[-3.0], [2.0]]]), *arguments)
    assert result.ravel().tolist() == [0, largest]


def test_image_normalization_of_nothing_to_see():
    assert not image_normalization(np.full((2, 2, 1), 9.0)).any()
    with pytest.raises(errors.NumericalError):
        image_normalization(np.array([[[np.nan]]]))
    with pytest.raises(ValueError, match="Received: ubound=300"):
        image_normalization(np.ones((1, 1, 1)), ubound=300)
    with pytest.raises(ValueError, match="Received: ubound=0"):
        image_normalization(np.ones((1, 1, 1)), 0)


def test_convert_into_grid_is_row_major_with_gaps():
    grid = convert_into_grid(IMAGES, 1, 255.0)
    assert (grid.shape, grid.dtype) == ((5, 5, 1), np.uint8)
    assert grid[::2, ::2, 0].tolist() == [[0, 1, 2], [3, 4, 0], [0, 0, 0]]
    assert not grid[1].any()
    assert not grid[:, 1].any()
    assert convert_into_grid(IMAGES, padding=0).shape == (3, 3, 1)
    assert convert_into_grid(IMAGES, 2).shape == (7, 7, 1)


def test_convert_into_grid_stretches_nothing():
    colours = np.random.default_rng(0).integers(40, 90, (4, 3, 2, 3), np.uint8)
    grid = convert_into_grid(colours)
    assert (grid.shape, grid.dtype) == ((7, 5, 3), np.uint8)
    np.testing.assert_array_equal(grid[4:, 3:], colours[3])
    np.testing.assert_array_equal(convert_into_grid(colours.astype(float)), grid)


def test_convert_into_grid_keeps_what_uint8_cannot_hold():
    shares = np.float32([0.25, 0.75, -1.0, 300.0]).reshape(4, 1, 1, 1)  # tf_cnnvis: 0, 0, 255, 44
    grid = convert_into_grid(shares, padding=0)
    assert grid.dtype == np.float32
    assert grid.ravel().tolist() == [0.25, 0.75, -1.0, 255.0]
    assert convert_into_grid(IMAGES, ubound=2.0)[::2, ::2, 0].tolist() == [[0, 1, 2], [2, 2, 0], [0, 0, 0]]
    with pytest.raises(errors.NumericalError):
        convert_into_grid(shares * np.nan)


def test_convert_into_grid_in_the_later_order_of_arguments():
    with pytest.warns(DeprecationWarning, match=r"Received: 3\.0, read as ubound"):
        grid = convert_into_grid(IMAGES, 3.0)
    assert grid[::2, ::2, 0].tolist() == [[0, 1, 2], [3, 3, 0], [0, 0, 0]]
    with pytest.warns(DeprecationWarning, match="read as ubound"):
        assert convert_into_grid(IMAGES[:4], 255.0, 2).shape == (4, 4, 1)


def test_convert_into_grid_wants_four_axes():
    with pytest.raises(ValueError, match=r"Received: Xs of \(2, 2\)"):
        convert_into_grid(np.ones((2, 2)))
