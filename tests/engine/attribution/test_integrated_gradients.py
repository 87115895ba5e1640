"""Integrated gradients that pass their own completeness check, and what they say where they cannot."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from heads import KINDS, SIZE, sequential
from networks import keras_cnn, photo
from oracles.in_tensorflow import graph_of

from cnnvis_widgets import Target, integrated_gradients, load
from cnnvis_widgets.engine.attribution.integrated_gradients import integrated_gradients_steps
from cnnvis_widgets.errors import OptionError


def step_of(width):
    """A steep ramp from 0.3 to 0.3 + width of the first value, beside a linear term: 32 steps miss most of it."""

    def body(values):
        ramp = tf.nn.relu(values[:, :1] - 0.3) - tf.nn.relu(values[:, :1] - 0.3 - width)
        return tf.matmul(tf.concat([ramp / width, values[:, 1:]], axis=1), tf.ones((2, 1)), name="scores")

    return load(graph_of(body, (2,), tf.float32), np.float32([[1, 2]]))


def test_a_steep_ramp_between_the_points_is_found():
    network = step_of(1e-3)
    equal = integrated_gradients(network, None, 0, baseline=0, steps=32)
    np.testing.assert_allclose(equal.images, [[[0, 2]]], atol=1e-6)
    np.testing.assert_allclose(equal.completeness_error, [[1]], atol=1e-3)
    np.testing.assert_allclose(equal.completeness_gap, [[1 / 3]], atol=1e-3)
    assert equal.points.tolist() == [[32]]
    result = integrated_gradients(network, None, 0, baseline=0)
    np.testing.assert_allclose(result.images, [[[1, 2]]], atol=0.03)
    assert result.images.dtype == result.completeness_error.dtype == result.completeness_gap.dtype == np.float32
    assert result.completeness_gap[0, 0] <= 0.01
    assert 32 < result.points[0, 0] < 200
    finer = integrated_gradients(network, None, 0, baseline=0, tolerance=1e-4)
    np.testing.assert_allclose(finer.images, [[[1, 2]]], atol=3e-4)
    assert finer.points[0, 0] > result.points[0, 0]


@pytest.mark.slow
def test_contributions_are_those_of_very_many_equal_steps():
    network = load(keras_cnn(), photo(images=2))
    result = integrated_gradients(network, None, [1, 3], tolerance=1e-4)
    many = integrated_gradients(network, None, [1, 3], steps=3000)
    assert result.points.shape == (2, 2)
    assert (result.points < 520).all()
    assert (result.completeness_gap <= 1e-4).all()
    np.testing.assert_allclose(result.images, many.images, atol=0.01 * np.abs(many.images).max())
    start = many.scores - many.completeness_error - many.images.sum(axis=(2, 3, 4))
    total = result.images.sum(axis=(2, 3, 4), dtype=np.float64)
    np.testing.assert_allclose(result.scores - start - total, result.completeness_error, atol=2e-5)


def test_a_smooth_line_takes_the_first_points_only():
    def body(image):
        return tf.matmul(tf.reshape(tf.square(image), [-1, 12]), tf.ones((12, 1)), name="scores")

    fed = photo(2, 3, images=3)
    result = integrated_gradients(graph_of(body, (2, 2, 3), tf.float32), fed, 0, baseline=0)
    assert result.points.tolist() == [[32]] * 3
    np.testing.assert_allclose(result.images[:, 0], fed**2, atol=1e-6)


def test_steps_of_finer_and_finer_lines():
    network = load(keras_cnn(), photo(images=2))
    steps = list(integrated_gradients_steps(network, None, 2, tolerance=1e-5))
    assert [step.index for step in steps] == list(range(len(steps)))
    assert all(step.index < step.total for step in steps)
    assert steps[-1].total == len(steps)
    assert all(step.index + 1 < step.total for step in steps[:-1])
    assert steps[0].points.tolist() == [[4], [0]]
    assert not steps[0].images[1].any()
    assert steps[-1].images.tobytes() == integrated_gradients(network, None, 2, tolerance=1e-5).images.tobytes()
    fixed = list(integrated_gradients_steps(network, None, [1, 2], steps=10))
    assert [(step.index, step.total) for step in fixed] == [(index, 12) for index in range(12)]
    assert [step.points.sum() for step in fixed[:4]] == [4, 8, 10, 14]


def test_a_gap_that_cannot_be_closed_is_told():
    """Both scores are equal, and the way between them is long: no part of their difference is reached."""

    def body(values):
        there = tf.nn.relu(values - 0.21) - 2 * tf.nn.relu(values - 0.5) + tf.nn.relu(values - 0.79)
        return tf.matmul(tf.sin(40 * there) + there, tf.ones((1, 1)), name="scores")

    network = load(graph_of(body, (1,), tf.float32), np.float32([[1]]))
    result = integrated_gradients(network, None, 0, baseline=0)
    assert result.points[0, 0] <= 520
    assert np.isfinite(result.images).all()
    assert abs(result.images.sum() + result.completeness_error[0, 0]) < 1e-5
    assert abs(result.completeness_error[0, 0]) < 0.05


def test_targets_with_a_place():
    images = np.random.default_rng(3).random((2, *SIZE), np.float32)
    network = load(sequential(*KINDS["class map"][0]()), images)
    result = integrated_gradients(network, None, [Target(2, place=(5, 1)), 1])
    assert (result.completeness_gap <= 0.01).all()
    assert result.images.shape == (2, 2, *SIZE)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"steps": 0}, "Received: steps=0"), ({"tolerance": 0}, "Received: tolerance=0"), ({"tolerance": -1}, "=-1")],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        integrated_gradients_steps(load(keras_cnn(), photo()), None, 0, **options)
