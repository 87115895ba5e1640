"""Normalisations by moments: one layer each, and no pools."""

import keras
import pytest
import tensorflow as tf
from networks import network_of

from cnnvis_widgets import load

SCALE = [1.0, 2.0, 3.0, 4.0]


def by_hand(x):
    mean = tf.reduce_mean(x, -1, keepdims=True)
    return (x - mean) / tf.sqrt(tf.reduce_mean((x - mean) ** 2, -1, keepdims=True) + 1e-5) * SCALE + 1.0


def by_moments(x):
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def by_powers(x):
    mean = tf.reduce_mean(x, [1, 2, 3], keepdims=True)
    return (x - mean) * (tf.reduce_mean(tf.square(x - mean), [1, 2, 3], keepdims=True) + 1e-5) ** -0.5


def by_squares(x):
    return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 1e-6) * SCALE


KINDS = {
    "layer_normalization": [by_hand, by_powers],
    "instance_normalization": [by_moments],
    "rms_normalization": [by_squares],
}


@pytest.mark.parametrize(("kind", "function"), [(kind, each) for kind, several in KINDS.items() for each in several])
def test_a_normalisation_is_one_layer_of_the_shape_of_its_input(kind, function):
    network = network_of(function, (6, 7, 4))
    assert [(layer.kind, layer.shape) for layer in network.layers] == [(kind, (None, 6, 7, 4))]
    assert network.layers[0].tensor == network.runtime.structure.origin("out:0")


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        ("layer_normalization", keras.layers.LayerNormalization()),
        ("group_normalization", keras.layers.GroupNormalization(2)),
        ("group_normalization", keras.layers.GroupNormalization(4)),
    ],
)
def test_a_normalisation_of_keras_is_one_layer(kind, layer):
    network = load(keras.Sequential([keras.Input((6, 7, 4)), layer]))
    assert [(layer.kind, layer.shape) for layer in network.layers] == [(kind, (None, 6, 7, 4))]


def test_a_residual_around_a_normalisation():
    network = network_of(lambda x: x + by_hand(x), (6, 7, 4))
    assert [layer.kind for layer in network.layers] == ["layer_normalization", "add"]


def test_a_mean_that_is_subtracted_is_no_pool():
    network = network_of(lambda x: tf.nn.relu(x - tf.reduce_mean(x, [1, 2], keepdims=True)), (6, 7, 4))
    assert [layer.kind for layer in network.layers] == ["relu"]


POOLS = {
    "a gate": lambda x: x * tf.sigmoid(tf.reduce_mean(x, [1, 2], keepdims=True)),
    "of squares": lambda x: tf.sqrt(tf.reduce_mean(tf.square(x), [1, 2])),
    "plain": lambda x: tf.reduce_mean(x, [1, 2]),
    "less another mean": lambda x: tf.reduce_mean(x, [1, 2]) - tf.reduce_mean(x**2, [1, 2]),
}


@pytest.mark.parametrize("name", POOLS)
def test_other_means_over_places_are_pools(name):
    network = network_of(POOLS[name], (6, 7, 4))
    assert "global_average_pool" in [layer.kind for layer in network.layers]


def test_a_mean_over_channels_is_no_pool():
    network = network_of(lambda x: tf.nn.relu(tf.reduce_mean(x, 2)), (4, 4))
    assert [layer.kind for layer in network.layers] == ["relu"]
