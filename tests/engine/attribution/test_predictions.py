"""Predictions, interventions and the evidence of channels, against Keras models cut at the layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets import channel_evidence, intervene, load, predict
from cnnvis_widgets.errors import ChannelError, LayerError

CLASSES = ("cat", "dog", "crane", "crane")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(3, 12, 10, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """A residual network: the changed layer goes to the scores by two ways."""
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 10, 3))
    first = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="first")(image)
    second = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="second")(first)
    added = keras.layers.Add(name="added")([first, second, keras.layers.Conv2D(5, 1, name="past")(image)])
    pooled = keras.layers.GlobalAveragePooling2D()(added)
    return keras.Model(image, keras.layers.Dense(4, activation="softmax", name="classes")(pooled))


@pytest.fixture(scope="module")
def network(model):
    return load(model, class_names=CLASSES)


def cut_by_hand(model, images, factors):
    """The probabilities when the output of 'first' is multiplied on the way, layer by layer."""
    layer = model.get_layer
    first = layer("first")(images) * factors
    added = first + layer("second")(first) + layer("past")(images)
    return np.asarray(layer("classes")(tf.reduce_mean(added, (1, 2))))


def test_predictions_are_those_of_the_model(model, network, images):
    found = predict(network, images)
    np.testing.assert_allclose(found.probabilities, model.predict(images, verbose=0), rtol=1e-5)
    assert found.softmax_in_network
    assert found.scores.shape == (3, 4)
    assert found.names == CLASSES
    best = found.top(2, image=1)
    order = np.argsort(-found.probabilities[1])
    assert [number for number, *_ in best] == order[:2].tolist()
    assert best[0] == (int(order[0]), CLASSES[order[0]], float(found.probabilities[1, order[0]]))


def test_a_network_without_a_softmax_gets_one(images):
    keras.utils.set_random_seed(2)
    scores = keras.Sequential([keras.Input((12, 10, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    found = predict(scores, images)
    assert not found.softmax_in_network
    np.testing.assert_allclose(found.scores, scores.predict(images, verbose=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.probabilities, keras.ops.softmax(found.scores), rtol=1e-5)


def test_a_network_without_class_scores_is_refused(images):
    with pytest.raises(LayerError, match="class scores"):
        predict(keras.Sequential([keras.Input((12, 10, 3)), keras.layers.Conv2D(2, 3)]), images)


@pytest.mark.parametrize("scales", [{1: 0.0}, {0: 2.5, 4: -1.0}, [0.0, 1.0, 2.0, 0.5, 1.0], np.zeros(5)])
def test_scaled_channels_change_what_the_rest_says(model, network, images, scales):
    factors = np.ones(5, np.float32)
    for channel, factor in scales.items() if isinstance(scales, dict) else enumerate(scales):
        factors[channel] = factor
    found = intervene(network, images, "first", scales)
    np.testing.assert_allclose(found.after.probabilities, cut_by_hand(model, images, factors), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found.before.scores, predict(network, images).scores)
    assert np.abs(found.after.scores - found.before.scores).max() > 1e-3


def test_a_region_alone_is_changed(model, network, images):
    factors = np.ones((12, 10, 5), np.float32)
    factors[2:5, 4:10, 3] = 0
    found = intervene(network, images, "first", {3: 0}, region=(2, 4, 3, 6))
    np.testing.assert_allclose(found.after.probabilities, cut_by_hand(model, images, factors), rtol=1e-4, atol=1e-6)


def test_factors_of_one_change_nothing(network, images):
    found = intervene(network, images, "second", {})
    np.testing.assert_allclose(found.after.scores, found.before.scores, rtol=1e-6, atol=1e-6)


def test_nothing_is_compiled_for_other_factors(network, images):
    intervene(network, images, "added", {0: 0.5})
    known = set(network.runtime.cache)
    intervene(network, images[:1], "added", {1: 0.0, 2: 3.0}, region=(0, 0, 2, 2))
    assert set(network.runtime.cache) == known


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("first", {5: 0.0}), {}, ChannelError, "from 0 to 4"),
        (("first", [1.0, 2.0]), {}, ChannelError, "shape"),
        (("first", {0: np.nan}), {}, ValueError, "finite"),
        (("first", {0: 0.0}), {"region": (0, 0, 13, 2)}, ValueError, "12 x 10"),
        (("firts", {0: 0.0}), {}, LayerError, "Nearest"),
        (("classes", {0: 0.0}), {}, LayerError, "earlier layer"),
    ],
)
def test_bad_interventions_say_what_is_wrong(network, images, arguments, options, error, words):
    softmax = network.layers[-1].name
    arguments = (softmax if arguments[0] == "classes" else arguments[0], arguments[1])
    with pytest.raises(error, match=words):
        intervene(network, images, *arguments, **options)


def test_evidence_is_gradient_times_activation(model, network, images):
    with tf.GradientTape() as tape:
        first = model.get_layer("first")(images)
        tape.watch(first)
        added = first + model.get_layer("second")(first) + model.get_layer("past")(images)
        dense = model.get_layer("classes")
        scores = tf.reduce_mean(added, (1, 2)) @ dense.kernel + dense.bias
        score = scores[:, 2]
    expected = tf.reduce_sum(first * tape.gradient(score, first), (1, 2))
    np.testing.assert_allclose(channel_evidence(network, images, "first", 2), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(
        channel_evidence(network, images, "first", "dog"), channel_evidence(network, images, "first", 1)
    )
    with pytest.raises(ChannelError, match="one class"):
        channel_evidence(network, images, "first", [0, 1])


def test_evidence_adds_up_to_the_score_where_there_are_no_biases(images):
    keras.utils.set_random_seed(5)
    layers = [
        keras.Input((12, 10, 3)),
        keras.layers.Conv2D(6, 3, activation="relu", name="maps"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(4, 3, use_bias=False, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, use_bias=False),
    ]
    network = load(keras.Sequential(layers))
    scores = predict(network, images).scores
    for target in range(3):
        found = channel_evidence(network, images, "maps", target)
        assert found.shape == (3, 6)
        np.testing.assert_allclose(found.sum(axis=1), scores[:, target], rtol=1e-3, atol=1e-5)
