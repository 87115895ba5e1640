"""Layers that stay in training mode: a network computes what ``model(x)`` returns, or says why it cannot."""

import warnings

import keras
import numpy as np
import pytest

from cnnvis_widgets import ModelExplorer, load, predict
from cnnvis_widgets.errors import FeedWarning

layers = keras.layers
IMAGES = np.random.default_rng(0).random((3, 8, 8, 3), np.float32)


def model_with(*stated, inner=False):
    """A classifier; the layers of ``stated`` are called with ``training=True``, perhaps in a model within it."""
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(5, 3, name="conv")(image)
    for layer in stated:
        x = layer(x, training=True)
    x = layers.ReLU(name="maps")(x)
    body = keras.Model(image, x, name="body")
    if inner:
        image = keras.Input((8, 8, 3), name="photo")
        x = body(image)
    return keras.Model(image, layers.Dense(2, "softmax", name="classes")(layers.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("form", ["object", "m.keras"])
def test_batch_normalisation_in_training_mode_is_that_of_the_model(form, inner, tmp_path):
    model = model_with(layers.BatchNormalization(), inner=inner)
    wanted = model(IMAGES)
    assert np.abs(wanted - model(IMAGES, training=False)).max() > 1e-3
    if form != "object":
        model.save(tmp_path / form)
    with pytest.warns(FeedWarning, match="images of one batch influence each other"):
        network = load(model if form == "object" else tmp_path / form, IMAGES)
    np.testing.assert_allclose(predict(network).values, wanted, atol=1e-6)


def test_dropout_in_training_mode_is_said_to_be_random():
    with pytest.warns(FeedWarning, match=r"draws random numbers, in '.*dropout with training=True.*one draw"):
        network = load(model_with(layers.Dropout(0.5)), IMAGES)
    first, again = predict(network).values, predict(network).values
    np.testing.assert_array_equal(first, again)  # as the warning says
    quiet = model_with(layers.Dropout(0.5))
    assert np.abs(first - quiet(IMAGES, training=False)).max() > 1e-3


def test_layers_that_nobody_put_into_training_mode_are_in_inference_mode():
    keras.utils.set_random_seed(3)
    parts = [layers.RandomFlip(), layers.RandomRotation(0.4), layers.Conv2D(4, 3), layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *parts, layers.Dropout(0.5), layers.GaussianNoise(1.0)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = load(model, IMAGES)
    np.testing.assert_allclose(predict(network).values, model(IMAGES, training=False), atol=1e-5)


def test_augmentation_in_a_functional_model_is_off():
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.RandomRotation(0.4)(layers.RandomFlip()(image))
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(layers.Dropout(0.5)(layers.Conv2D(4, 3)(x)))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = load(model, IMAGES)
    np.testing.assert_allclose(predict(network).values, model(IMAGES, training=False), atol=1e-5)


def test_the_explorer_says_what_results_depend_on():
    with pytest.warns(FeedWarning, match="influence each other"):
        explorer = ModelExplorer(model_with(layers.BatchNormalization()), IMAGES, logdir=None)
    assert "images of one batch influence each other" in explorer.image_pane.notice.value
    explorer.close()
