"""A network as bytes: the same graph, weights, layers and heads, in another process too."""

import copy
import json
import pickle

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from networks import keras_cnn, photo

import cnnvis_widgets
from cnnvis_widgets import Network
from cnnvis_widgets.engine.network.serialized import MAGIC
from cnnvis_widgets.errors import ModelError

NAMES = ["cat", "dog", "cow", "owl"]


def scaled(picture):
    return picture / np.float32(255)


@pytest.fixture(scope="module")
def network():
    return cnnvis_widgets.load(keras_cnn(), photo(), class_names=NAMES)


def assert_same(one, other):
    assert other.fingerprint() == one.fingerprint()
    assert (other.layers, other.heads, other.inputs, other.outputs) == (one.layers, one.heads, one.inputs, one.outputs)
    assert other.image_input == one.image_input
    for maps, again in zip(
        cnnvis_widgets.activations(one, photo(images=2), ["c", "scores"]),
        cnnvis_widgets.activations(other, photo(images=2), ["c", "scores"]),
        strict=True,
    ):
        assert maps.layer == again.layer
        np.testing.assert_array_equal(maps.values, again.values)


def test_bytes_and_back(network):
    data = network.to_bytes()
    read = Network.from_bytes(data, photo(), preprocess=scaled)
    assert_same(network, read)
    assert read.class_names == tuple(NAMES)
    assert read.preprocess is scaled
    np.testing.assert_array_equal(read.feed, photo())
    assert read.to_bytes() == data == network.to_bytes()


def test_a_network_can_be_pickled_and_copied(network):
    own = cnnvis_widgets.load(network, preprocess=scaled)
    for other in (pickle.loads(pickle.dumps(own)), copy.deepcopy(own)):
        assert_same(own, other)
        assert other.preprocess is scaled
        assert other.feed is not own.feed
        np.testing.assert_array_equal(other.feed, own.feed)


def test_what_is_fed_inside_the_graph_is_remembered():
    with tf.Graph().as_default() as graph:
        text = tf.compat.v1.placeholder(tf.string, [None], name="files")
        pictures = tf.reshape(tf.strings.to_number(text), [-1, 4, 4, 1], name="pictures")
        tf.nn.relu(pictures, name="layer")
        keep = tf.compat.v1.placeholder(tf.float32, [], name="keep")
        tf.multiply(tf.nn.relu(pictures), keep, name="kept")
    network = cnnvis_widgets.load(graph, {"pictures": photo(4, 1), "keep": 0.5}, image_input="pictures")
    read = Network.from_bytes(network.to_bytes(), network.feed)
    assert read.layers == network.layers
    assert read.image_input == network.image_input
    for maps, again in zip(*(cnnvis_widgets.activations(each, None, "r") for each in (network, read)), strict=True):
        np.testing.assert_array_equal(maps.values, again.values)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_weights_of_half_precision(dtype):
    kernel = np.arange(27 * 12, dtype=np.float32).reshape(3, 3, 3, 12).astype(dtype)
    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.as_dtype(kernel.dtype), [None, 6, 6, 3], name="image")
        tf.nn.conv2d(image, tf.constant(kernel), 1, "SAME", name="edges")
    network = cnnvis_widgets.load(graph)
    read = Network.from_bytes(network.to_bytes())
    (weights,) = read.runtime.frozen.weights.values()
    assert weights.dtype == kernel.dtype
    np.testing.assert_array_equal(weights, kernel)


@pytest.mark.parametrize("cut", [0, 4, 12, 40, -1000])
def test_other_bytes_are_refused(network, cut):
    with pytest.raises(ModelError, match=r"Expected the bytes of a network. Received: [\d,]+ bytes"):
        Network.from_bytes(network.to_bytes()[:cut])
    with pytest.raises(ModelError, match="it begins with"):
        Network.from_bytes(b"PK\x03\x04" + bytes(100))
    text = json.dumps({"graph": 10}).encode()
    with pytest.raises(ModelError):
        Network.from_bytes(MAGIC + len(text).to_bytes(8, "little") + text)
