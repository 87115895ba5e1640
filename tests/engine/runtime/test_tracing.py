"""Functions of tensors are called where the caller wants them, and say what went wrong."""

from contextlib import nullcontext

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.runtime import tracing
from cnnvis_widgets.engine.tensorflow_internals import current_device
from cnnvis_widgets.errors import FeedError


def device_of_a_call():
    return tracing.called(lambda: current_device(), [], nullcontext)


def test_a_call_names_no_device_of_its_own():
    """Otherwise all is computed there: once this was the CPU, also beside a GPU."""
    assert device_of_a_call() is None


def test_a_call_keeps_the_device_around_it():
    with tf.device("CPU:0"):
        assert str(device_of_a_call()).endswith("CPU:0")
    assert device_of_a_call() is None


def test_results_lie_where_tensorflow_computes():
    function = tracing.function_of(lambda x: tf.matmul(x, x), [tf.TensorSpec([2, 2])])
    plain = tf.function(lambda x: tf.matmul(x, x))(tf.ones([2, 2]))
    assert tracing.called(function, [tf.ones([2, 2])], nullcontext).device == plain.device


def test_an_error_within_a_function_tells_its_cause():
    checked = tracing.traced(lambda x: tf.debugging.check_numerics(x, "no numbers"), [tf.TensorSpec([2])])
    assert checked(np.zeros(2, np.float32)).tolist() == [0, 0]
    with pytest.raises(FeedError, match=r"TensorFlow says: no numbers : Tensor had Inf values\. Check the sizes"):
        checked(np.full(2, np.inf, np.float32))


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("One line.", "One line"),
        ("First line\nsecond line", "First line"),
        ("Graph execution error:\n\nDetected at node a\nIt is odd.\n\t [[{{node a}}]] [Op:f]", "It is odd"),
        ("[[{{node a}}]]", "[[{{node a}}]]"),
        ("", "InternalError"),
    ],
)
def test_the_line_of_the_cause(message, cause):
    assert tracing._cause(tf.errors.InternalError(None, None, message)) == cause
