"""Sanity checks: gradients depend on the class and the weights, pictures of the deconvnet do not."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo
from oracles.comparison import same
from oracles.in_tensorflow import graph_of

from cnnvis_widgets import activations, reconstruct, sensitivity
from cnnvis_widgets.errors import ChannelError


def test_gradients_depend_on_the_class_and_deconvnet_pictures_do_not(network):
    """One ReLU behind a convolution with many maps: the theory of Nie et al. in small."""
    keras.utils.set_random_seed(5)
    layers = [keras.layers.Conv2D(64, 3, activation="relu") for _ in range(2)]
    ends = [keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((16, 16, 3)), *layers, *ends])
    fed = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    before = [each.tobytes() for each in model.get_weights()]
    found = {rule: sensitivity(model, fed, rule=rule) for rule in ("gradient", "deconvnet", "guided")}
    assert [each.tobytes() for each in model.get_weights()] == before
    for result in found.values():
        assert result.rival.shape == result.randomised.shape == (2,)
        assert result.rival.dtype == result.randomised.dtype == np.float32
    assert np.abs(found["gradient"].rival).max() < 0.3
    assert np.abs(found["gradient"].randomised).max() < 0.3
    for rule in ("deconvnet", "guided"):
        assert found[rule].rival.min() > 0.4
        assert found[rule].randomised.min() > 0.4


def test_the_numbers_are_correlations_of_reconstructions(network):
    result = sensitivity(network, None, rule="guided", seed=3)
    scores = activations(network, None, "scores/BiasAdd")[0].values
    order = np.argsort(-scores, axis=1)[:, :2]
    assert result.classes.tolist() == order.tolist()
    pictures = reconstruct(network, None, "scores", rule="guided", seed="ones").images
    expected = [np.corrcoef(pictures[row, order[row]].reshape(2, -1))[0, 1] for row in range(3)]
    same(result.rival, np.array(expected), 1e-4)
    again = sensitivity(network, None, rule="guided", seed=3).randomised
    other = sensitivity(network, None, rule="guided", seed=4).randomised
    assert again.tobytes() == result.randomised.tobytes()
    assert not np.array_equal(other, again)


def test_any_class_can_be_asked_about(network):
    order = np.argsort(-activations(network, None, "scores/BiasAdd")[0].values, axis=1)
    pictures = reconstruct(network, None, "scores", rule="guided", seed="ones").images
    result = sensitivity(network, rule="guided", target="cat")
    rivals = [row[0] if row[0] != 2 else row[1] for row in order]
    assert result.classes.tolist() == [[2, rival] for rival in rivals]
    expected = [np.corrcoef(pictures[row, [2, rivals[row]]].reshape(2, -1))[0, 1] for row in range(3)]
    same(result.rival, np.array(expected), 1e-4)
    best = int(order[0, 0])
    again = sensitivity(network, rule="guided", target=best)
    assert again.classes[0].tolist() == order[0, :2].tolist()
    with pytest.raises(ChannelError):
        sensitivity(network, target="cow")


def test_a_constant_picture_has_no_correlation():
    def body(image):
        return tf.matmul(tf.reshape(tf.nn.relu(image), [-1, 16]), tf.ones((16, 2)), name="scores")

    result = sensitivity(graph_of(body, (4, 4, 1), tf.float32), photo(4, 1))
    assert np.isnan(result.rival).all()
