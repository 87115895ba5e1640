"""Two stages: the first runs once for many calls of the second, and both together are the whole function."""

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.runtime.two_stage import TwoStageFunction

WEIGHT = tf.constant([[1.0, 2.0], [3.0, 4.0]])
SPECS = [tf.TensorSpec([None, 2])], [tf.TensorSpec([]), tf.TensorSpec([None, 2])]


def body(image: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    value = tf.nn.relu(image @ WEIGHT)
    return value, scale * tf.cast(value > 0, tf.float32) + offset * 2


def test_both_stages_together_are_the_whole_function() -> None:
    function = TwoStageFunction(body, *SPECS)
    value, residuals = function.first(np.float32([[1, -1], [0, 1]]))
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, [[0, 0], [3, 4]])
    result = function.second(residuals, 10, np.zeros((2, 2), np.float32))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [[0, 0], [10, 10]])
    np.testing.assert_array_equal(function.second(residuals, -1, np.ones((2, 2), np.float32)), [[2, 2], [1, 1]])


def test_residuals_are_what_the_second_stage_takes_and_nothing_else() -> None:
    """The mask, and neither the weight, which is captured, nor the constant 2."""
    function = TwoStageFunction(body, *SPECS)
    _, residuals = function.first(np.float32([[1, -1]]))
    assert [tensor.shape.as_list() for tensor in residuals] == [[1, 2]]


@pytest.mark.parametrize("inside", ["graph", "eager"])
def test_it_runs_in_any_mode(inside: str) -> None:
    function = TwoStageFunction(body, *SPECS)
    if inside == "graph":
        with tf.Graph().as_default():
            value, residuals = function.first(np.float32([[0, 1]]))
            result = function.second(residuals, 1, np.zeros((1, 2), np.float32))
    else:
        value, residuals = function.first(np.float32([[0, 1]]))
        result = function.second(residuals, 1, np.zeros((1, 2), np.float32))
    np.testing.assert_array_equal(value, [[3, 4]])
    np.testing.assert_array_equal(result, [[1, 1]])


def test_a_cut_at_one_output_of_an_op_finds_the_others():
    def body(image, factor):
        first, second = tf.split(image, 2, -1)
        value = first * tf.nn.relu(second)
        return value, factor * first + factor * value

    function = TwoStageFunction(body, [tf.TensorSpec([2, 4])], [tf.TensorSpec([])])
    image = np.arange(8, dtype=np.float32).reshape(2, 4) - 3
    value, residuals = function.first(image)
    np.testing.assert_array_equal(value, image[:, :2] * np.maximum(image[:, 2:], 0))
    np.testing.assert_array_equal(function.second(residuals, 2.0), 2 * (image[:, :2] + value))
