"""True gradients by other ops than TensorFlow's own are the true ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo

from cnnvis_widgets import dream, load, reconstruct
from cnnvis_widgets.engine.backward.gradient_overrides import spreading
from cnnvis_widgets.engine.dreaming.parameterizations import fourier
from cnnvis_widgets.engine.ops import convolutions
from cnnvis_widgets.engine.runtime.tracing import traced
from cnnvis_widgets.engine.tensorflow_internals import gradient_registry
from cnnvis_widgets.errors import FeedWarning


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


@pytest.mark.parametrize(("groups", "dilation"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_a_kernel_that_is_computed_from_the_image_sends_its_gradient(monkeypatch, groups, dilation):
    """As on CPUs without AVX-512; here the same whatever CPU the tests run on."""
    monkeypatch.setattr(convolutions, "has_kernels", lambda: False)
    mixing = np.random.default_rng(0).normal(size=(4, 9 * 4 // groups * 4)).astype(np.float32) / 4

    def kernel(image):
        return tf.reshape(tf.reduce_mean(image, [0, 1, 2])[None] @ mixing, [3, 3, 4 // groups, 4])

    def plain(image):
        wide = tf.repeat(tf.repeat(kernel(image), dilation, 0), dilation, 1)[: 2 * dilation + 1, : 2 * dilation + 1]
        at = np.arange(2 * dilation + 1) % dilation == 0
        wide *= (at[:, None] & at)[..., None, None].astype(np.float32)
        parts = zip(tf.split(image, groups, -1), tf.split(wide, groups, -1), strict=True)
        return tf.concat([tf.nn.conv2d(part, own, 1, "SAME") for part, own in parts], -1)

    image = np.random.default_rng(1).random((1, 7, 6, 4), np.float32)
    with tf.GradientTape() as tape:
        given = tf.constant(image)
        tape.watch(given)
        score = tf.reduce_sum(plain(given)[..., 1])
    model = tf.function(lambda image: tf.nn.conv2d(image, kernel(image), 1, "SAME", dilations=dilation))
    with pytest.warns(FeedWarning, match="influence each other"):
        network = load(model, image)
    layer = network.select("c")[-1]
    found = reconstruct(network, None, layer, channels=[1], rule="gradient", seed="ones").images[0, 0]
    np.testing.assert_allclose(found, tape.gradient(score, given)[0], rtol=1e-4, atol=1e-5)


def test_a_convolution_behind_a_loop_that_does_not_tell_its_channels(monkeypatch):
    monkeypatch.setattr(convolutions, "has_kernels", lambda: False)
    last = np.random.default_rng(0).normal(size=(3, 3, 3, 2)).astype(np.float32)

    def call(image):
        maps = tf.TensorArray(tf.float32, 0, dynamic_size=True)
        for channel in tf.range(3):
            maps = maps.write(channel, tf.sin(image[..., channel]))
        return tf.nn.conv2d(tf.transpose(maps.stack(), [1, 2, 3, 0]), last, 1, "SAME")

    with tf.GradientTape() as tape:
        given = tf.constant(photo(6))
        tape.watch(given)
        score = tf.reduce_sum(tf.function(call)(given)[..., 1])
    network = load(tf.function(call), photo(6))
    found = reconstruct(network, None, network.select("c")[-1], channels=[1], rule="gradient", seed="ones")
    np.testing.assert_allclose(found.images[0, 0], tape.gradient(score, given)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("parameterization", [None, fourier()])
def test_dreams_register_no_gradients_of_their_own(parameterization):
    """TensorFlow would keep each of them, with its graph."""
    network = load(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)]))

    def registered():
        network.runtime.cache.clear()
        list(dream(network, None, network.layers[0], 1, steps=1, octaves=1, parameterization=parameterization))
        return gradient_registry.list()

    assert len(registered()) == len(registered())
