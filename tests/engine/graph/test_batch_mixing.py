"""Networks in which the images of one batch influence each other."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo, v1

from cnnvis_widgets import activations, load, predict
from cnnvis_widgets.errors import FeedWarning

layers = keras.layers


def graph_of(body, batch=None):
    graph = tf.Graph()
    with graph.as_default():
        tf.nn.relu(body(v1.placeholder(tf.float32, [batch, 8, 8, 3], name="image")), name="relu")
    return graph


def batch_norm(image):
    scale, offset = tf.ones([3]), tf.zeros([3])
    return v1.nn.fused_batch_norm(image, scale, offset, is_training=True, name="norm")[0]


def by_moments(image):
    mean, variance = tf.nn.moments(image, [0, 1, 2])
    return (image - mean) / tf.sqrt(variance + 1e-3)


def largest(image):
    return image / tf.reduce_max(image)


def gram(image):
    flat = tf.reshape(image, [-1, 192])
    return tf.matmul(flat, flat, transpose_b=True)


def across(image):
    return image - tf.reduce_mean(image, -4, keepdims=True)


MIXING = [batch_norm, by_moments, largest, gram, across]
APART = [
    lambda image: image - tf.reduce_mean(image, [1, 2, 3], keepdims=True),
    lambda image: image / tf.reduce_max(image, -1, keepdims=True),
    lambda image: tf.nn.softmax(tf.reshape(image, [-1, 192])),
    lambda image: tf.reduce_mean(tf.transpose(image, [1, 0, 2, 3]), 0),  # the height is in front
    lambda image: image * tf.reduce_mean(tf.ones([4, 3]), 0),
]


@pytest.mark.parametrize("body", MIXING)
def test_the_whole_batch_runs_together_and_a_warning_says_so(body):
    graph, images = graph_of(body), photo(8, images=19)
    with pytest.warns(FeedWarning, match=r"images of one batch influence each other, through '.*one image at a time"):
        network = load(graph, images)
    with v1.Session(graph=graph) as session:
        wanted = session.run("relu:0", {"image:0": images})
    values = activations(network, None, "relu")[0].values
    np.testing.assert_allclose(values, wanted.reshape(values.shape), atol=1e-5)


@pytest.mark.parametrize("body", APART)
def test_what_keeps_images_apart_is_not_warned_of(body):
    assert load(graph_of(body)).runtime.mixing == ()


def test_a_graph_for_one_image_mixes_none():
    assert load(graph_of(by_moments, batch=1)).runtime.mixing == ()
    with pytest.warns(FeedWarning, match="through"):
        assert load(graph_of(by_moments, batch=4)).runtime.mixing[0].endswith("mean")


def test_a_loss_behind_the_layers_is_not_warned_of():
    graph = graph_of(lambda image: image)
    with graph.as_default():
        tf.reduce_mean(graph.get_tensor_by_name("relu:0"), name="loss")
    assert load(graph).runtime.mixing == ()


def test_batch_normalisation_of_keras_in_training_mode():
    before = layers.Conv2D(4, 3, activation="relu", name="before")
    model = keras.Sequential([keras.Input((8, 8, 3)), before, layers.BatchNormalization(), layers.ReLU(name="after")])
    images = photo(8, images=20)
    assert load(model, images).runtime.mixing == ()
    with pytest.warns(FeedWarning, match="batch normalisation"):
        network = load(tf.function(lambda x: model(x, training=True)), images)
    before, after = (
        next(layer.name for layer in network.layers if name in layer.name and layer.name.endswith("/Relu"))
        for name in ("before", "after")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = activations(network, None, [before, after])
    mean, variance = values[0].values.mean((0, 1, 2)), values[0].values.var((0, 1, 2))
    wanted = np.maximum((values[0].values - mean) / np.sqrt(variance + 1e-3), 0)
    np.testing.assert_allclose(values[1].values, wanted, atol=1e-4)
    assert not network.runtime.mixes([network.layer(before).tensor])
    assert network.runtime.mixes([network.layer(after).tensor])


def test_predictions_are_those_of_the_whole_batch():
    def body(image):
        return tf.reshape(by_moments(image), [-1, 192]) @ tf.constant(photo(24)[0, :8].reshape(192, 3))

    graph, images = graph_of(body), photo(8, images=40)
    with pytest.warns(FeedWarning, match="through"):
        network = load(graph, images)
    with v1.Session(graph=graph) as session:
        wanted = session.run("relu:0", {"image:0": images})
    np.testing.assert_allclose(predict(network).scores, wanted, atol=1e-4)
