"""Pictures in the layout of an input, and back."""

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.network.input_layout import InputLayout, usual_range

LAYOUTS = {
    "channels last": (InputLayout("x:0", tf.float32, (None, 4, 5, 3)), (2, 4, 5, 3)),
    "channels first": (InputLayout("x:0", tf.float32, (None, 3, 4, 5), channels_first=True), (2, 3, 4, 5)),
    "flat": (InputLayout("x:0", tf.float32, (None, 60), folded=(4, 5, 3)), (2, 60)),
    "without channels": (InputLayout("x:0", tf.float32, (None, 4, 15), folded=(4, 5, 3)), (2, 4, 15)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_pictures_in_the_layout_of_an_input_and_back(name):
    layout, shape = LAYOUTS[name]
    pictures = np.random.default_rng(0).random((2, 4, 5, 3)).astype(np.float32)
    fed = layout.from_images(pictures)
    assert layout.picture_shape == (4, 5, 3)
    assert fed.shape == shape
    np.testing.assert_array_equal(layout.to_images(fed), pictures)
    np.testing.assert_array_equal(layout.to_input(tf.constant(pictures)), fed)


def test_channels_first_by_hand():
    layout, _ = LAYOUTS["channels first"]
    picture = np.zeros((1, 4, 5, 3), np.float32)
    picture[0, 1, 2, 0] = 7
    assert np.argwhere(layout.from_images(picture)).tolist() == [[0, 0, 1, 2]]


def test_free_sizes_stay_free():
    assert InputLayout("x:0", tf.float32, None).picture_shape == (None, None, None)
    assert InputLayout("x:0", tf.float32, (None, 3, None, 8), channels_first=True).picture_shape == (None, 8, 3)


def test_signals_are_cast_to_the_type_of_the_input():
    layout = InputLayout("x:0", tf.float16, (None, 4, 5, 3))
    assert layout.to_input(tf.zeros([1, 4, 5, 3])).dtype == tf.float16


@pytest.mark.parametrize(
    ("images", "expected"),
    [(None, (0, 255)), ([0.2, 1.0], (0, 1)), ([-1.0, 0.5], (-1, 1)), ([0.0, 1.5], (0, 255)), ([-3.0, 9.0], (-3, 9))],
)
def test_usual_ranges(images, expected):
    low, high = usual_range(None if images is None else np.array(images, np.float32))
    assert (low, high) == expected
    assert low.dtype == high.dtype == np.float32
