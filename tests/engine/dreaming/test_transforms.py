"""Transforms: seeded, composed to one matrix, and applied as NumPy says."""

import numpy as np
import pytest
import tensorflow as tf
from networks import photo

from cnnvis_widgets.engine.dreaming import transforms as t
from cnnvis_widgets.engine.runtime.tracing import traced
from cnnvis_widgets.errors import OptionError

SPECS = [
    tf.TensorSpec([1, None, None, 3], tf.float32),
    tf.TensorSpec([1, 8], tf.float32),
    tf.TensorSpec([2], tf.int32),
    tf.TensorSpec([], tf.float32),
    tf.TensorSpec([2], tf.int32),
]


@pytest.fixture(scope="module")
def apply():
    return traced(t.apply, SPECS)


def seen(apply, view, image):
    return apply(image, view.coefficients(image.shape[1:3]), view.size, view.noise, view.seed)


def drawn(transform, size=(20, 30), seed=0):
    return transform.draw(np.random.default_rng(seed), size)


def picture():
    return np.random.default_rng(5).random((1, 20, 30, 3)).astype(np.float32)


def test_jitter_is_a_shift_in_whole_pixels(apply):
    view = drawn(t.jitter(3), seed=2)
    x, y = np.random.default_rng(2).integers(-3, 4, 2)
    assert (x, y) != (0, 0)
    image, expected = picture(), np.full((20, 30, 3), 0.5, np.float32)
    for row in range(20):
        for column in range(30):
            if 0 <= row + y < 20 and 0 <= column + x < 30:
                expected[row, column] = image[0, row + y, column + x]
    np.testing.assert_allclose(seen(apply, view, image)[0], expected, atol=1e-5)


def test_padding_is_grey_and_the_view_grows(apply):
    view = drawn(t.pad(4))
    result = seen(apply, view, picture())
    assert result.shape == (1, 28, 38, 3)
    np.testing.assert_allclose(result[0, 4:-4, 4:-4], picture()[0], atol=1e-5)
    np.testing.assert_allclose(result[0, :3], 0.5, atol=1e-6)


def test_a_quarter_turn_is_numpys(apply):
    square, view = photo(12), drawn(t.rotate(90), (12, 12))
    angle = np.arctan2(view.matrix[1, 0], view.matrix[0, 0])
    assert abs(np.rad2deg(angle)) <= 90
    quarter = t.View(np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]]), (12, 12))
    np.testing.assert_allclose(seen(apply, quarter, square)[0], np.rot90(square[0], -3), atol=1e-5)


def test_scaling_magnifies_about_the_middle(apply):
    ramp = np.broadcast_to(np.linspace(0, 1, 21, dtype=np.float32)[:, None, None], (1, 21, 21, 3))
    twice = seen(apply, drawn(t.scale(2, 2), (21, 21)), ramp)[0, :, 10, 0]
    np.testing.assert_allclose(twice, 0.5 + (np.linspace(0, 1, 21) - 0.5) / 2, atol=1e-5)
    assert drawn(t.scale(0.5, 3), seed=1).matrix[0, 0] == 1 / np.random.default_rng(1).uniform(0.5, 3)


def test_a_crop_lies_within_the_picture():
    for seed in range(20):
        view = drawn(t.crop(0.2, 0.7), seed=seed)
        ends = np.array([[-15, -10, 1], [15, 10, 1]]) @ view.matrix.T
        assert view.size == (20, 30)
        assert (np.abs(ends[:, 0]) <= 15 + 1e-9).all()
        assert (np.abs(ends[:, 1]) <= 10 + 1e-9).all()
        assert 0.2 * 30 <= ends[1, 0] - ends[0, 0] <= 0.7 * 30


def test_noise_has_its_deviation_and_seed(apply):
    grey = np.full((1, 100, 100, 3), 0.5, np.float32)
    one, again, other = (seen(apply, drawn(t.noise(0.1), (100, 100), seed), grey) for seed in (0, 0, 1))
    assert one.tobytes() == again.tobytes()
    assert np.abs(one - other).max() > 0.1
    assert one.std() == pytest.approx(0.1, rel=0.05)


def test_composition_is_one_after_the_other():
    parts = [t.pad(2), t.jitter(4), t.rotate(20), t.crop(0.5, 0.9), t.noise(0.3), t.noise(0.4)]
    view = drawn(t.compose(*parts), seed=7)
    random, matrix, size = np.random.default_rng(7), np.eye(3), (20, 30)
    for part in parts:
        step = part.draw(random, size)
        matrix, size = matrix @ step.matrix, step.size
    np.testing.assert_array_equal(view.matrix, matrix)
    assert view.size == (24, 34)
    assert view.noise == pytest.approx(0.5)


def test_the_usual_distances_shrink_with_small_pictures():
    def distances(size):
        padded, moved, *others = t.robust(size).arguments["parts"]
        assert [part.name for part in others] == ["scale", "rotate"]
        return padded.arguments["pixels"], moved.arguments["pixels"]

    assert [distances((side, 500)) for side in (64, 112, 224, 300)] == [(3, 6), (6, 10), (12, 20), (12, 20)]
    assert repr(t.robust((224, 224))) == repr(t.ROBUST)


def test_same_seed_same_view_and_another_another():
    one, again, other = (drawn(t.ROBUST, seed=seed).coefficients((20, 30)) for seed in (4, 4, 5))
    assert one.shape == (1, 8)
    assert one.dtype == np.float32
    assert one.tobytes() == again.tobytes() != other.tobytes()


def test_a_view_at_other_pixels_shows_the_same(apply):
    image = np.broadcast_to(np.linspace(0, 1, 30, dtype=np.float32)[None, None, :, None], (1, 20, 30, 3))
    view = drawn(t.jitter(0)).resized((40, 60))
    result = seen(apply, view, image)
    assert result.shape == (1, 40, 60, 3)
    np.testing.assert_allclose(result[0, 20, 10:50, 0], np.linspace(-0.5, 29.5, 121)[1::2][10:50] / 29, atol=1e-2)


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match=r"Expected scale factors above 0, the smaller first\. Received: \(2, 1\)"):
        t.scale(2, 1)
    with pytest.raises(ValueError, match="fractions of the picture"):
        t.crop(0.5, 1.5)
    with pytest.raises(ValueError, match="at least 0 pixels"):
        t.pad(-1)


@pytest.mark.parametrize("size", [None, 224, "big", (), (0, 224), (np.nan, 224), (224, "wide"), {224, 100}])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(OptionError, match="Expected the height and width of pictures"):
        t.robust(size)
