"""Recurrent Keras networks in every form: values as Keras computes them, gradients as a GradientTape does."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import export

from cnnvis_widgets import activations, load, reconstruct

layers = keras.layers


def classifier(image, features):
    scores = layers.Dense(3, name="scores")(features)
    return keras.Model(image, layers.Softmax(name="out")(scores))


def sequence(*after, length=6):
    """A convolution over a sequence, and the layers to be tried."""
    image = keras.Input((length, 2), name="signal")
    x = layers.Conv1D(4, 3, padding="same", activation="relu", name="conv")(image)
    for layer in after:
        x = layer(x)
    return classifier(image, x if len(x.shape) == 2 else layers.GlobalAveragePooling1D()(x))


def with_states():
    image = keras.Input((6, 2), name="signal")
    x = layers.Conv1D(4, 3, padding="same", activation="relu", name="conv")(image)
    return classifier(image, layers.LSTM(3, return_sequences=True, return_state=True)(x)[1])


def masked():
    image = keras.Input((6, 2), name="signal")
    x = layers.LSTM(3, return_sequences=True)(layers.Masking()(image))
    return classifier(image, layers.Bidirectional(layers.GRU(2))(x))


def film(*after):
    image = keras.Input((3, 6, 6, 2), name="film")
    x = image
    for layer in after:
        x = layer(x)
    return classifier(image, x)


def film_frames():
    frames = layers.TimeDistributed(layers.Conv2D(3, 3, activation="relu"), name="conv")
    return film(frames, layers.TimeDistributed(layers.GlobalAveragePooling2D()), layers.LSTM(3))


FRAMES = "a CNN for each frame"
KINDS = {
    "LSTM": lambda: sequence(layers.LSTM(3)),
    "GRU": lambda: sequence(layers.GRU(3, return_sequences=True)),
    "GRU, reset before": lambda: sequence(layers.GRU(3, reset_after=False)),
    "SimpleRNN": lambda: sequence(layers.SimpleRNN(3, go_backwards=True)),
    "Bidirectional": lambda: sequence(layers.Bidirectional(layers.LSTM(2, return_sequences=True)), layers.LSTM(3)),
    "unrolled": lambda: sequence(layers.LSTM(3, unroll=True)),
    "free length": lambda: sequence(layers.GRU(3), length=None),
    "cells": lambda: sequence(layers.RNN([layers.LSTMCell(2), layers.GRUCell(3)])),
    "dropout": lambda: sequence(layers.LSTM(3, dropout=0.5, recurrent_dropout=0.5)),
    "states": with_states,
    "masked": masked,
    "ConvLSTM2D": lambda: film(layers.ConvLSTM2D(3, 3), layers.GlobalAveragePooling2D()),
    FRAMES: film_frames,
}
QUICK = "LSTM", "GRU, reset before", "SimpleRNN", "unrolled", "masked", "ConvLSTM2D"


def fed_to(model):
    shape = [2, *(size or 6 for size in model.input.shape[1:])]
    array = np.random.default_rng(1).random(shape, np.float32)
    array[:, -1] = 0  # what a mask hides
    return array


def assert_as_keras(network, model, fed):
    """Scores and the gradient of one of them."""
    scores = keras.Model(model.input, model.get_layer("scores").output)
    with tf.GradientTape() as tape:
        watched = tf.constant(fed)
        tape.watch(watched)
        wanted = scores(watched, training=False)
        summed = tf.reduce_sum(wanted[:, 1])
    (found,) = activations(network, fed, network.logits)
    assert found.values.shape == wanted.shape
    np.testing.assert_allclose(found.values, wanted, atol=1e-5)
    back = reconstruct(network, fed, network.logits, channels=[1], rule="gradient", seed="ones")
    gradient = tape.gradient(summed, watched).numpy()
    assert back.images[:, 0].shape == gradient.shape
    np.testing.assert_allclose(back.images[:, 0], gradient, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_a_recurrent_model_as_an_object(kind):
    keras.utils.set_random_seed(1)
    model = KINDS[kind]()
    assert_as_keras(load(model), model, fed_to(model))


@pytest.mark.parametrize(
    "kind", ["SimpleRNN", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("Bidirectional", FRAMES))]
)
def test_a_recurrent_model_in_every_other_form(kind, tmp_path):
    keras.utils.set_random_seed(1)
    model = KINDS[kind]()
    fed = fed_to(model)
    model.save(tmp_path / "m.keras")
    export(model, tmp_path / "exported")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that .h5 is an old format
        model.save(tmp_path / "m.h5")
    function = tf.function(lambda array: model(array, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec(model.input.shape, tf.float32))
    paths = [tmp_path / name for name in ("m.keras", "m.h5", "exported")]
    for form in [*paths, concrete]:
        assert_as_keras(load(form, fed), model, fed)
    assert_as_keras(load(function, fed if fed.ndim == 5 else list(fed)), model, fed)


def test_coverage_names_what_is_in_the_loop():
    model = sequence(layers.LSTM(3))
    network = load(model)
    assert str(network.coverage("guided", "scores")) == (
        "guided: 1 convolution exact, 1 relu rule, 1 loop exact, 3 dense exact, 3 sigmoid unruled, 3 product unruled, "
        "2 tanh unruled"
    )
    assert network.coverage("gradient", "scores").complete
    assert [layer.kind for layer in network.layers] == ["convolution", "relu", "dense", "softmax"]
    fed = fed_to(model)
    maps = activations(network, fed, "conv/Relu")[0].values
    np.testing.assert_allclose(maps, keras.Model(model.input, model.get_layer("conv").output)(fed), atol=1e-6)
