"""Inputs of whole numbers: what a network casts itself is differentiable, and its numbers stay those of the model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import v1
from PIL import Image

from cnnvis_widgets import (
    ModelExplorer,
    activations,
    dream,
    grad_cam,
    integrated_gradients,
    load,
    occlusion,
    predict,
    reconstruct,
    smooth_grad,
)
from cnnvis_widgets.errors import FeedError, GradientError

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3), np.uint8)


def classifier(*first, shape=(12, 12, 3), dtype="uint8"):
    keras.utils.set_random_seed(1)
    image = keras.Input(shape, dtype=dtype, name="image")
    x = image
    for layer in first:
        x = layer(x)
    x = layers.Conv2D(6, 3, activation="relu", name="maps")(x)
    scores = layers.Dense(3, name="scores")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Softmax(name="classes")(scores))


def rescaled():
    return classifier(layers.Rescaling(1 / 127.5, offset=-1))


def normalised():
    return classifier(layers.Rescaling(1 / 255), layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.1]))


def moved():
    return classifier(layers.Cropping2D(1), layers.Permute((2, 1, 3)), layers.Rescaling(1 / 255))


def gradient_of(model, images):
    """Of the scores of class 1, with respect to pixels 0 to 255, by TensorFlow itself, behind the cast."""
    inner = keras.Model(model.input, model.get_layer("scores").output)
    layer = next(layer for layer in model.layers if isinstance(layer, layers.Rescaling))
    scores = keras.Model(layer.output, inner.output)
    with tf.GradientTape() as tape:
        pixels = tf.cast(images, tf.float32)
        tape.watch(pixels)
        told = scores(pixels * layer.scale + layer.offset)[:, 1]
    return tape.gradient(told, pixels).numpy()


@pytest.mark.parametrize("build", [rescaled, normalised])
def test_gradients_are_those_behind_the_cast(build):
    model = build()
    network = load(model, PIXELS)
    assert (network.image_input.name, network.image_input.dtype) == ("image", "uint8")
    found = reconstruct(network, None, "scores", channels=[1], rule="gradient", seed="ones").images[:, 0]
    wanted = gradient_of(model, PIXELS)
    assert found.shape == wanted.shape == PIXELS.shape
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(found, wanted, atol=1e-6 * np.abs(wanted).max() + 1e-9)


@pytest.mark.parametrize("build", [rescaled, normalised, moved])
def test_predictions_are_those_of_the_model(build):
    model = build()
    np.testing.assert_allclose(predict(load(model, PIXELS)).values, model(PIXELS), atol=1e-6)
    np.testing.assert_allclose(predict(load(model), {"image": PIXELS}).values, model(PIXELS), atol=1e-6)


def test_every_method_works_in_the_units_of_the_input():
    network = load(rescaled(), PIXELS[:1])
    assert network.value_range() == (0, 255)
    assert network.images().dtype == np.float32
    np.testing.assert_array_equal(network.images(), PIXELS[:1])
    assert grad_cam(network, None, 1).images.shape == (1, 1, 10, 10)
    evidence = integrated_gradients(network, None, 1, steps=64)
    np.testing.assert_allclose(evidence.images.sum(), evidence.scores[0, 0] - _at_baseline(network), rtol=0.02)
    assert smooth_grad(network, None, 1, samples=2).images.any()
    assert occlusion(network, None, 1).attribution.images.any()
    *_, step = dream(network, None, "maps", 0, start="feed", octaves=1, steps=3)
    assert 0 <= step.images.min() < 1 < step.images.max() <= 255
    assert np.isfinite(predict(network, step.images).values).all()  # fractions are no mistake here


def _at_baseline(network):
    baseline = network.images() * 0  # black
    return activations(network, baseline, network.logits)[0].values[0, 1]


@pytest.mark.parametrize("read", ["graph", "function"])
def test_other_forms_of_model(read):
    kernel = np.random.default_rng(1).standard_normal((3, 3, 3, 4)).astype(np.float32)

    def body(image):
        return tf.nn.relu(tf.nn.conv2d(tf.image.convert_image_dtype(image, tf.float32), kernel, 1, "SAME"), name="maps")

    if read == "graph":
        model = tf.Graph()
        with model.as_default():
            body(v1.placeholder(tf.uint8, [None, 12, 12, 3], name="image"))
    else:
        model = tf.function(body, input_signature=[tf.TensorSpec([None, 12, 12, 3], tf.uint8)])
    network = load(model, PIXELS)
    np.testing.assert_allclose(activations(network, None, "r")[0].values, body(PIXELS), atol=1e-6)
    assert reconstruct(network, None, "r", channels=[0]).images.any()


def test_two_casts_of_one_image_both_pass_the_gradient():
    image = keras.Input((12, 12, 3), dtype="uint8", name="image")
    left, right = (layers.Rescaling(scale)(image) for scale in (1 / 255, 2 / 255))
    maps = layers.Conv2D(2, 3, activation="relu", name="maps")(layers.Add()([left, right]))
    model = keras.Model(image, maps)
    network = load(model, PIXELS)
    both = reconstruct(network, None, "maps/convolution", channels=[0], rule="gradient", seed="ones").images
    kernel = model.get_layer("maps").kernel.numpy()[..., 0]
    np.testing.assert_allclose(both[0, 0, 5, 5], kernel.sum((0, 1)) * 3 / 255, rtol=1e-5)


def test_a_network_that_resizes_bytes_passes_the_gradient():
    resized = classifier(layers.Resizing(12, 12), layers.Rescaling(1 / 255), shape=(None, None, 3))
    large = np.random.default_rng(2).integers(0, 256, (2, 20, 24, 3), np.uint8)
    network = load(resized, large)
    # called eagerly, Keras rounds what it resized
    np.testing.assert_allclose(predict(network).values, tf.function(resized)(large), atol=1e-6)
    assert network.images().shape == large.shape
    assert integrated_gradients(network, None, 1, steps=4).images.any()


@pytest.mark.parametrize("spelling", ["bare", "by name", "as a picture"])
def test_what_a_network_computes_with_bytes_is_taken_behind_the_cast(spelling):
    kernel = np.random.default_rng(1).standard_normal((3, 3, 3, 4)).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")])
    def function(image):
        small = tf.cast(tf.image.resize(255 - image, (6, 6)), tf.uint8)
        return tf.nn.relu(tf.nn.conv2d(tf.cast(small, tf.float32) / 255, kernel, 1, "SAME"), name="maps")

    by_spelling = {"bare": PIXELS[:1], "by name": {"image": PIXELS[:1]}, "as a picture": [Image.fromarray(PIXELS[0])]}
    network = load(function, by_spelling[spelling])
    assert network.images().shape == (1, 6, 6, 3)
    np.testing.assert_allclose(activations(network, None, "r")[0].values, function(PIXELS[:1]), atol=1e-6)
    found = reconstruct(network, None, "Conv2D", channels=[0], rule="gradient", seed="ones").images
    np.testing.assert_allclose(found[0, 0, 2, 2], kernel[..., 0].sum((0, 1)) / 255, rtol=1e-4)


def test_whole_numbers_that_are_more_than_pixels_stay():
    words = keras.Input((6,), dtype="int32", name="words")
    x = layers.Embedding(9, 4, name="embedded")(words)
    model = keras.Model(words, layers.Conv1D(3, 2, activation="relu", name="maps")(x))
    network = load(model, np.arange(6, dtype=np.int32)[None])
    assert network.feeds()["words:0"].dtype == np.int32
    with pytest.raises(GradientError, match=r"select rows of a table in 'embedded/.*image_input='embedded/.*:0'"):
        reconstruct(network, None, "maps")
    masks = keras.Input((6,), dtype="uint8", name="masks")
    both = keras.Model(masks, [masks, layers.Dense(2, name="scores")(layers.Rescaling(0.5)(masks))])
    assert load(both).runtime.frozen.whole_numbers == {}  # it returns the bytes


@pytest.mark.parametrize("wrong", [PIXELS / 255.0, PIXELS.astype(np.float32) - 1, PIXELS.astype(np.float32) * 2])
def test_values_that_the_model_would_cut_are_refused(wrong):
    with pytest.raises(FeedError, match=r"Expected uint8 values for input 'image'. Received: float32 values from"):
        predict(load(rescaled()), wrong)


def test_preprocess_and_the_input_name():
    model = rescaled()
    network = load(model, PIXELS, preprocess=lambda picture: 255 - picture)
    np.testing.assert_allclose(predict(network).values, model(255 - PIXELS), atol=1e-6)
    np.testing.assert_allclose(predict(network, {"image": PIXELS}).values, model(PIXELS), atol=1e-6)
    np.testing.assert_allclose(predict(network, network.feeds()).values, model(255 - PIXELS), atol=1e-6)


def test_the_explorer_opens_on_bytes():
    explorer = ModelExplorer(rescaled(), PIXELS, logdir=None)
    assert not any(explorer.views[name].unavailable() for name in ("deconvolution", "attribution", "deep dream"))
    explorer.state.method = "deconvolution"
    explorer.wait(60)
    assert explorer.result.images.any()
    explorer.close()
