"""NaN and infinity are named where they begin, and never shown as a picture."""

import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph, photo
from test_fast_backward import network_of

from cnnvis_widgets import activations, reconstruct
from cnnvis_widgets.errors import NumericalError

CALLS = pytest.mark.parametrize("call", [activations, reconstruct])


@CALLS
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_feed_that_is_not_finite(call, value):
    image = photo()
    image[0, 3, 3, 0] = value
    with pytest.raises(NumericalError, match=r"finite values to feed. Received: NaN or infinity for '\w+'. Check"):
        call(frozen_graph(), image, "conv1/Relu")


@CALLS
def test_the_first_layer_that_is_not_finite(call):
    def function(x):
        fine = tf.nn.relu(x * 0 + 1e30, name="fine")
        return tf.nn.relu(tf.nn.relu(fine * 1e30, name="broken") + 1, name="later")

    with pytest.raises(NumericalError, match=r"NaN or infinity first in layer 'broken'. Check the range"):
        call(network_of(function, (4, 4, 2)), None, "later")


def test_large_values_whose_sum_is_infinite_are_finite():
    network = network_of(lambda x: tf.nn.relu(x * 0 + 3e38), (4, 4, 2))
    assert (activations(network, None, "out")[0].values > 2e38).all()
