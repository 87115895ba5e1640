"""Predictions, interventions and the evidence of channels, against Keras models cut at the layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from heads import KINDS, SIZE, pooled, sequential

from cnnvis_widgets import channel_evidence, intervene, load, occlude, occlusion, predict
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


def test_scores_without_a_softmax_are_values_until_classes_have_names(images):
    keras.utils.set_random_seed(2)
    scores = keras.Sequential([keras.Input((12, 10, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    told = scores.predict(images, verbose=0)
    found = predict(scores, images)
    assert found.head.meaning == "values"
    assert found.probabilities is None
    np.testing.assert_allclose(found.scores, told, rtol=1e-4, atol=1e-5)
    number, name, value = found.top(1, image=1)[0]
    assert (number, name) == (np.abs(told[1]).argmax(), f"value {number}")
    assert value == pytest.approx(told[1, number], rel=1e-4)
    named = predict(load(scores, images, class_names="abc"))
    assert named.head.meaning == "classes"
    assert not named.softmax_in_network
    np.testing.assert_allclose(named.probabilities, keras.ops.softmax(named.scores), rtol=1e-5)


def test_a_network_that_returns_integers_has_no_head(images):
    @tf.function(input_signature=[tf.TensorSpec((None, 12, 10, 3))])
    def rounded(image):
        return tf.cast(tf.nn.relu(image), tf.int32)

    network = load(rounded)
    assert network.heads == ()
    with pytest.raises(LayerError, match=r"class scores.*scores=\.\.\."):
        predict(network, images)


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


# ---- every kind of head


def told_by(model, images):
    """What the model says, compiled and op by op. Compiled ops are fused, and round half-precision numbers once."""
    return [np.asarray(call(images, training=False), np.float32) for call in (tf.function(model), model)]


@pytest.mark.matrix
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_predict_says_what_the_model_says(kind, policy):
    tail, meaning, *_ = KINDS[kind]
    keras.mixed_precision.set_global_policy(policy)
    try:
        model = sequential(*tail())
    finally:
        keras.mixed_precision.set_global_policy("float32")
    images = np.random.default_rng(0).random((3, *SIZE), np.float32)
    found = predict(load(model, images))
    both = [np.moveaxis(told, found.head.output.channel_axis, -1) for told in told_by(model, images)]
    told = min(both, key=lambda values: np.abs(found.values - values).max())
    assert found.values.shape == told.shape
    assert found.values.dtype == np.float32
    difference = np.abs(found.values - told).max()
    print(f"{kind}, {policy}: worst difference {difference:.2g}")
    assert difference <= 1e-6
    if meaning == "values":
        assert found.probabilities is None
        return
    wanted = np.exp(told) if kind == "log softmax" else told
    wanted = wanted.mean(axis=tuple(range(1, told.ndim - 1)))
    if meaning == "yes or no":
        assert (found.scores[:, 0] == -found.scores[:, 1]).all()
        wanted = np.concatenate([1 - wanted, wanted], axis=1)
    np.testing.assert_allclose(found.probabilities, wanted, atol=1e-6, rtol=0)


def test_changed_images_get_the_probabilities_of_the_networks_own_sigmoid():
    model = sequential(pooled(), keras.layers.Dense(3, "sigmoid"))
    images = np.random.default_rng(0).random((1, *SIZE), np.float32)
    silenced = model.layers[0](images) * np.array([0, 1, 1, 1], np.float32)
    rest = model.layers[2](model.layers[1](silenced))
    found = intervene(load(model, images), None, model.layers[0].name, {0: 0.0})
    np.testing.assert_allclose(found.before.probabilities, told_by(model, images)[0], atol=1e-6, rtol=0)
    np.testing.assert_allclose(found.after.probabilities, rest, atol=1e-6, rtol=0)
    hidden = images.copy()
    hidden[0, 2:5, 1:7] = 0.25
    found = occlude(load(model, images), None, (1, 2, 6, 3), fill=0.25)
    np.testing.assert_allclose(found.after.probabilities, told_by(model, hidden)[0], atol=1e-6, rtol=0)
    sweep = occlusion(load(model, images), None, [2, 0], size=8, fill=0.25)
    grey = told_by(model, np.full_like(images, 0.25))[0]
    np.testing.assert_allclose(sweep.probabilities[:, :, 0, 0], grey[:, [2, 0]], atol=1e-6, rtol=0)
