"""Constant folding: computed once, equal to the bit, and left out where something else is fed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo, v1

from cnnvis_widgets import activations, load
from cnnvis_widgets.engine.runtime.constant_folding import FoldedWeights


def normalised():
    """A convolution, batch normalisation and ReLU, its statistics far from 0 and 1."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(name="relu"),
        ]
    )
    model.layers[1].set_weights([np.random.default_rng(0).uniform(0.5, 2, 4) for _ in range(4)])
    return model


def ops_of(network):
    """How many ops a compiled function has between the image and the last layer."""
    counts = []

    def body(given):
        built = network.runtime.build({network.runtime.image_tensor: given}, [network.layer("relu").tensor])
        counts.append(len(given.graph.get_operations()))
        return built

    network.runtime.compiled("count", body, [tf.TensorSpec([1, 12, 12, 3], tf.float32)])
    return counts[0]


def test_a_batch_normalisation_is_a_product_and_a_sum(monkeypatch):
    few, image = load(normalised()), photo(12)
    found = activations(few, image, "relu")[0].values
    ops = ops_of(few)
    monkeypatch.setattr(FoldedWeights, "values_beside", lambda self, inputs: self._weights)
    many = load(normalised())
    np.testing.assert_array_equal(found, activations(many, image, "relu")[0].values)
    assert ops <= ops_of(many) - 8


@pytest.fixture
def scaled():
    """image * (2 * weight) + noise, where the doubled weight, random numbers and a large product could be folded."""
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 4], name="image")
        weight = tf.constant(np.arange(256, dtype=np.float32), name="weight")
        doubled = tf.multiply(weight, 2.0, name="doubled")
        some = tf.identity(doubled[:4], name="some")
        tf.nn.relu(tf.multiply(image, some, name="scaled"))
        tf.add(image, tf.random.uniform([4]) * weight[:4], name="noisy")
        large = tf.tile(weight, [1024], name="large")
        tf.add(tf.reduce_sum(image), large, name="wide")
    return graph.as_graph_def()


def folded_values(network):
    return network.runtime._weights.values_beside([network.runtime.image_tensor])


def test_what_is_made_of_weights_alone_is_computed_once(scaled):
    network = load(scaled)
    np.testing.assert_array_equal(folded_values(network)["some:0"], [0, 2, 4, 6])
    found = activations(network, np.ones((1, 4), np.float32), "scaled")[0].values.reshape(1, 4)
    np.testing.assert_array_equal(found, [[0, 2, 4, 6]])


def test_parts_lists_and_choices_are_what_the_network_makes_of_them():
    """Ops with several outputs and inputs are computed beforehand, an op that calls a function is not."""

    def chosen(weight):
        return tf.cond(tf.reduce_sum(weight) > 0, lambda: weight + 1, lambda: weight - 1)

    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 4], name="image")
        weight = tf.constant(np.arange(256, dtype=np.float32), name="weight")
        first, second = tf.split(weight, [4, 252], name="parts")
        joined = tf.concat([second[:2], tf.unstack(first)[:2]], 0, name="joined")
        tf.add(tf.nn.relu(image * joined + first), chosen(first), name="out")
    assert any("then_branch" in node.attr for node in graph.as_graph_def().node)
    network = load(graph.as_graph_def())
    found = {name: value.numpy().tolist() for name, value in folded_values(network).items() if name != "weight:0"}
    assert [0, 1, 2, 3] in found.values()
    assert found["joined:0"] == [4, 5, 0, 1]
    values = activations(network, np.ones((1, 4), np.float32), "out")[0].values
    np.testing.assert_array_equal(values.reshape(4), np.array([4, 6, 2, 4]) + np.arange(4) + 1)


def test_random_numbers_and_large_values_stay_in_the_network(scaled):
    assert set(folded_values(load(scaled))) == {"weight:0", "some:0"}


def test_what_is_fed_in_place_of_a_weight_counts(scaled):
    network = load(scaled)
    ones = np.ones((1, 4), np.float32)
    fed = {"image:0": ones, "weight:0": np.full(256, 5, np.float32)}
    assert set(network.runtime._weights.values_beside(fed)) == {"weight:0"}
    np.testing.assert_array_equal(activations(network, fed, "scaled")[0].values.reshape(1, 4), [[10] * 4])


def test_a_network_that_makes_nothing_of_its_weights_has_just_them():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 16], name="image")
        tf.nn.relu(tf.matmul(image, tf.constant(np.ones((16, 16), np.float32), name="weight")), name="unit")
    assert set(folded_values(load(graph.as_graph_def()))) == {"weight:0"}
