"""True gradients by other ops than TensorFlow's own are the true ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo

from cnnvis_widgets import load
from cnnvis_widgets.engine.backward.gradient_overrides import spreading
from cnnvis_widgets.engine.runtime.tracing import traced


def test_a_normalised_network_has_the_gradient_of_keras():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(name="relu"),
            keras.layers.Rescaling(2.0, 0.5),
            keras.layers.Conv2D(2, 3, name="last"),
        ]
    )
    model.layers[1].set_weights([np.random.default_rng(0).uniform(0.5, 2, 4) for _ in range(4)])
    image = photo(12)
    with tf.GradientTape() as tape:
        given = tf.constant(image)
        tape.watch(given)
        score = tf.reduce_mean(model(given, training=False)[..., 1])
    network = load(model)

    def body(given):
        [out] = network.runtime.build({network.runtime.image_tensor: given}, [network.layer("last").tensor])
        return tf.gradients(tf.reduce_mean(out[..., 1]), given)[0]

    found = network.runtime.compiled("test", body, [tf.TensorSpec([1, 12, 12, 3], tf.float32)])(image)
    np.testing.assert_allclose(found, tape.gradient(score, given), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("op", [tf.add, tf.multiply])
def test_a_second_operand_spreads_over_the_first_which_alone_gets_a_gradient(op):
    def gradients(first, second):
        with spreading():
            values = op(first, second)
        return tf.gradients(values, first)[0], tf.gradients(values, [second])

    first, second = photo(4), np.array([2.0, 3.0, 5.0], np.float32)
    nothing = []

    def body(first, second):
        sent, lost = gradients(first, second)
        nothing.append(lost)
        return sent

    function = traced(body, [tf.TensorSpec([1, 4, 4, 3]), tf.TensorSpec([3])])
    expected = np.ones_like(first) if op is tf.add else np.broadcast_to(second, first.shape)
    np.testing.assert_array_equal(function(first, second), expected)
    assert nothing == [[None]]
