"""Targets of every kind, against gradients of the plain Keras model before its last activation."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from heads import KINDS, SIZE, pooled, sequential

from cnnvis_widgets import (
    Target,
    channel_evidence,
    grad_cam,
    integrated_gradients,
    intervene,
    load,
    occlude,
    occlusion,
    predict,
    sensitivity,
    smooth_grad,
)
from cnnvis_widgets.errors import ChannelError
from cnnvis_widgets.results import MEANINGS

IMAGES = np.random.default_rng(3).random((2, *SIZE), np.float32)


def model_of(kind):
    return sequential(*KINDS[kind][0]())


def before_activation(model):
    """The same model with its last activation, alone or of a layer, left out."""

    def scores(images):
        for layer in model.layers[:-1]:
            images = layer(images)
        last = model.layers[-1]
        if isinstance(last, keras.layers.Softmax):
            return images
        if isinstance(last, keras.layers.Conv2D):
            return tf.nn.conv2d(images, last.kernel, 1, "VALID") + last.bias
        return images @ last.kernel + last.bias

    return scores


ASKED = {
    # kind of head, target, its score in the output of the model without its last activation
    "a class": ("softmax", 3, lambda z: z[:, 3]),
    "a label": ("labels", 2, lambda z: z[:, 2]),
    "yes": ("yes or no", 1, lambda z: z[:, 0]),
    "no": ("yes or no", "no", lambda z: -z[:, 0]),
    "a value": ("values", 1, lambda z: z[:, 1]),
    "a map": ("class map", 2, lambda z: tf.reduce_mean(z[..., 2], (1, 2))),
    "a pixel": ("class map", Target(2, place=(5, 1)), lambda z: z[:, 5, 1, 2]),
    "a region": ("class map", Target(1, region=(2, 3, 4, 5)), lambda z: tf.reduce_mean(z[:, 2:6, 3:8, 1], (1, 2))),
    "no in a mask": ("mask", Target("no", place=(0, 7)), lambda z: -z[:, 0, 7, 0]),
    "channels first": ("channels first", Target(3, place=(4, 6)), lambda z: z[:, 3, 4, 6]),
    "an anchor": ("anchors", Target(1, place=(77,)), lambda z: z[:, 77, 1]),
}


def same(found, expected, tolerance=1e-4):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def gradient(scores, images, score_of):
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = score_of(scores(images))
    return np.asarray(tape.gradient(score, images)), np.asarray(score)


@pytest.mark.parametrize("asked", ASKED)
def test_gradients_are_those_of_the_plain_model_before_its_last_activation(asked):
    kind, target, score_of = ASKED[asked]
    model = model_of(kind)
    network, scores = load(model, IMAGES), before_activation(model)
    expected, score = gradient(scores, IMAGES, score_of)
    found = smooth_grad(network, None, target, noise=0, samples=1)
    same(found.images[:, 0], expected)
    same(found.scores[:, 0], score)
    steps = 10
    points = [np.float32((step + 0.5) / steps) * IMAGES for step in range(steps)]
    mean = np.mean([gradient(scores, point, score_of)[0] for point in points], axis=0)
    same(integrated_gradients(network, None, target, baseline=0, steps=steps).images[:, 0], IMAGES * mean)


@pytest.mark.parametrize("asked", ASKED)
def test_grad_cam_weighs_maps_by_their_gradient(asked):
    kind, target, score_of = ASKED[asked]
    model = model_of(kind)
    maps = tf.constant(model.layers[0](IMAGES))
    rest = before_activation(keras.Sequential([keras.Input(maps.shape[1:]), *model.layers[1:]]))
    weights, _ = gradient(rest, maps.numpy(), score_of)
    expected = np.maximum((weights.mean((1, 2), keepdims=True) * maps.numpy()).sum(-1), 0)
    found = grad_cam(load(model, IMAGES), None, target, layer=model.layers[0].name)
    assert found.maps.kind == "relu"
    same(found.images[:, 0], expected)
    evidence = channel_evidence(load(model, IMAGES), None, model.layers[0].name, target)
    same(evidence, (weights * maps.numpy()).sum((1, 2)))


def told(model, images, kind):
    values = np.asarray(model(images))
    return np.moveaxis(values, 1, -1) if kind == "channels first" else values


@pytest.mark.parametrize("kind", ["class map", "mask", "channels first", "anchors"])
def test_probabilities_of_one_place_are_those_of_the_output(kind):
    model = model_of(kind)
    network, place = load(model, IMAGES), (65,) if kind == "anchors" else (5, 1)
    at = Target(place=place)
    expected = told(model, IMAGES, kind)[(slice(None), *place)]
    hidden = IMAGES[:1].copy()
    hidden[0, 2:7, 0:4] = 0
    after = told(model, hidden, kind)[(slice(None), *place)]
    if kind == "mask":
        expected, after = (np.concatenate([1 - p, p], axis=1) for p in (expected, after))
    same(predict(network, target=at).probabilities, expected, 1e-6)
    change = occlude(network, None, (0, 2, 4, 5), fill=0, target=at)
    same(change.before.probabilities, expected[:1], 1e-6)
    same(change.after.probabilities, after, 1e-6)
    assert not np.allclose(change.after.probabilities, expected[:1], atol=1e-5)
    layer = model.layers[0].name
    same(intervene(network, None, layer, {0: 1.0}, target=at).after.probabilities, expected, 1e-6)
    sweep = occlusion(network, None, [Target(1, place=place), 1, Target(0, place=place)], size=8, fill=0)
    black = told(model, np.zeros_like(IMAGES), kind)
    of_place, everywhere = black[(slice(None), *place)], black.mean(axis=tuple(range(1, black.ndim - 1)))
    if kind == "mask":
        of_place, everywhere = (np.concatenate([1 - p, p], axis=1) for p in (of_place, everywhere))
    wanted = np.stack([of_place[:, 1], everywhere[:, 1], of_place[:, 0]], axis=1)
    same(sweep.probabilities.reshape(2, 3), wanted, 1e-6)
    assert (sweep.best[:, 0, 0] == of_place.argmax(axis=1)).all()


def test_names_of_targets_say_where():
    network = load(model_of("class map"), IMAGES, class_names=["sky", "sea", "sand"])
    asked = ["sea", Target("sky", place=(1, 2)), Target(2, region=(0, 1, 2, 3))]
    found = smooth_grad(network, None, asked, samples=1)
    assert found.targets == (1, 0, 2)
    assert found.names == ("sea", "sky at 1, 2", "sand in 0, 1, 2, 3")


# ---- what the network is surest of


def surest(kind, told):
    means = told.mean(axis=tuple(range(1, told.ndim - 1)))
    if KINDS[kind][1] == "yes or no":
        return (means[:, 0] > 0.5).astype(int)
    return (np.abs(means) if KINDS[kind][1] == "values" else means).argmax(axis=1)


@pytest.mark.parametrize(
    "kind", ["softmax", "labels", "yes or no", "values", "class map", "mask", "value map", "anchors"]
)
def test_without_a_target_methods_explain_what_the_network_is_surest_of(kind):
    model = model_of(kind)
    wanted = surest(kind, told(model, IMAGES, kind))
    network = load(model, IMAGES)
    found = smooth_grad(network, samples=1, noise=0)
    assert found.channels[:, 0].tolist() == wanted.tolist()
    for image, number in enumerate(wanted):
        one = smooth_grad(load(network, IMAGES[image : image + 1]), None, int(number), samples=1, noise=0)
        same(found.images[image], one.images[0])
        same(found.scores[image], one.scores[0])
    assert [predict(network).top(1, image)[0][0] for image in (0, 1)] == wanted.tolist()
    for call in (integrated_gradients, grad_cam):
        assert call(network).channels[:, 0].tolist() == wanted.tolist()
    assert occlusion(network, size=8).attribution.channels[:, 0].tolist() == wanted.tolist()
    assert sensitivity(network, rule="gradient").classes[:, 0].tolist() == wanted.tolist()


def test_images_that_differ_are_explained_for_their_own_class():
    image = keras.Input((2,))
    network = load(keras.Model(image, keras.layers.Softmax()(image)), np.eye(2, dtype=np.float32))
    found = smooth_grad(network, samples=1, noise=0)
    assert (found.targets, found.names) == ((-1,), ("surest class",))
    same(found.images[:, 0], np.eye(2))
    assert smooth_grad(load(network, np.eye(2, dtype=np.float32)[:1]), samples=1).targets == (0,)


def test_a_head_is_asked_by_name():
    image = keras.Input(SIZE)
    maps = pooled()(keras.layers.Conv2D(4, 3, activation="relu")(image))
    model = keras.Model(
        image, [keras.layers.Dense(2, "softmax")(maps), keras.layers.Dense(3, "sigmoid", name="tags")(maps)]
    )
    network = load(model, IMAGES)
    tags = model(IMAGES)[1]
    same(predict(network, scores="tags").probabilities, tags, 1e-6)
    for call in (grad_cam, integrated_gradients, smooth_grad):
        assert call(network, None, 2, scores="tags").layer == network.head("tags").scores
    assert occlusion(network, None, 2, scores="tags", size=8).probabilities.shape == (2, 1, 1, 1)
    assert occlude(network, None, (0, 0, 3, 3), scores="tags").before.head.name == "tags"
    layer = network.select("r")[0]
    same(intervene(network, None, layer, {}, scores="tags").after.probabilities, tags, 1e-6)
    assert channel_evidence(network, None, layer, 2, scores="tags").shape == (2, 4)
    assert {head.meaning for head in network.heads} < set(MEANINGS)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target(0, place=(8, 0)), r"place as one number for each axis within head .*8 x 8. Received: place=\(8, 0\)"),
        (Target(0, place=(1,)), r"Received: place=\(1,\)"),
        (Target(0, place=(-1, 0)), r"Received: place=\(-1, 0\)"),
        (Target(0, region=(0, 0, 9, 1)), r"\(top, left, height, width\) within .*Received: region=\(0, 0, 9, 1\)"),
        (Target(0, region=(0, 0, 0, 1)), "Received: region"),
        (Target(3, place=(0, 0)), "from 0 to 2 of head"),
        ("sky", "has no names"),
    ],
)
def test_targets_that_do_not_fit_are_refused(target, words):
    with pytest.raises(ChannelError, match=words):
        smooth_grad(load(model_of("class map"), IMAGES), None, target)


def test_grad_cam_of_a_map_weighs_the_maps_before_its_last_convolution():
    assert grad_cam(load(model_of("class map"), IMAGES), None, Target(1, place=(2, 2))).maps.kind == "relu"
    alone = keras.Sequential([keras.Input(SIZE), keras.layers.Conv2D(3, 1)])
    assert grad_cam(load(alone, IMAGES), None, 1).maps.kind == "convolution"
