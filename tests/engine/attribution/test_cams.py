"""Grad-CAM's relatives: the formulas of the papers, targets of every kind, and what is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from heads import KINDS, SIZE, sequential
from networks import keras_cnn, photo
from oracles import cams as oracles
from oracles.in_tensorflow import graph_of

from cnnvis_widgets import (
    Target,
    activations,
    grad_cam,
    grad_cam_plus_plus,
    gradient_times_input,
    hires_cam,
    layer_cam,
    load,
    predict,
    score_cam,
)
from cnnvis_widgets.engine.attribution import cam_weightings
from cnnvis_widgets.engine.attribution.class_scores import ClassScores
from cnnvis_widgets.engine.attribution.enlargement import enlarged
from cnnvis_widgets.engine.attribution.score_cam import score_cam_steps
from cnnvis_widgets.errors import CnnvisError, FeedError, GradientError, LayerError

IMAGES = np.random.default_rng(3).random((2, *SIZE), np.float32)
GRADIENT_CAMS = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "hires_cam": hires_cam,
    "layer_cam": layer_cam,
}
CAMS = {**GRADIENT_CAMS, "score_cam": score_cam}
TARGETS = {
    # kind of head, target, its score in the output of the model without its last activation
    "a class": ("softmax", 3, lambda z: z[:, 3]),
    "a label": ("labels", 2, lambda z: z[:, 2]),
    "no": ("yes or no", "no", lambda z: -z[:, 0]),
    "a value": ("values", 1, lambda z: z[:, 1]),
    "a map": ("class map", 2, lambda z: tf.reduce_mean(z[..., 2], (1, 2))),
    "a pixel": ("class map", Target(2, place=(5, 1)), lambda z: z[:, 5, 1, 2]),
    "a region": ("class map", Target(1, region=(2, 3, 4, 5)), lambda z: tf.reduce_mean(z[:, 2:6, 3:8, 1], (1, 2))),
    "an anchor": ("anchors", Target(1, place=(77,)), lambda z: z[:, 77, 1]),
}


def close(found, expected, tolerance=1e-5):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def after_maps(model):
    """What follows the first layer of a model, up to the scores before the last activation."""

    def scores(maps):
        for layer in model.layers[1:-1]:
            maps = layer(maps)
        last = model.layers[-1]
        if isinstance(last, keras.layers.Conv2D):
            return tf.nn.conv2d(maps, last.kernel, 1, "VALID") + last.bias
        if hasattr(last, "kernel"):
            return maps @ last.kernel + last.bias
        return maps

    return scores


def maps_and_gradients(model, images, score_of):
    """The first layer's maps, float64, with TensorFlow's gradients of a score there, and that score."""
    rest, maps = after_maps(model), tf.constant(model.layers[0](images))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        score = score_of(rest(maps))
    return *(np.asarray(part, np.float64) for part in (maps, tape.gradient(score, maps))), score.numpy()


@pytest.mark.parametrize("method", GRADIENT_CAMS)
def test_scores_of_named_classes_take_no_forward_pass_of_their_own(method, monkeypatch):
    network = load(keras_cnn(), photo(images=2))
    expected = predict(network).scores[:, [1, 2]]
    monkeypatch.setattr(ClassScores, "of_variants", None)
    close(GRADIENT_CAMS[method](network, None, [1, 2]).scores, expected)


# ---- the formulas, for every kind of target


@pytest.mark.matrix
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", CAMS)
def test_every_method_is_its_papers_formula(method, target):
    kind, asked, score_of = TARGETS[target]
    model = sequential(*KINDS[kind][0]())
    maps, gradients, scores = maps_and_gradients(model, IMAGES, score_of)
    found = CAMS[method](load(model, IMAGES), None, asked, layer=model.layers[0].name)
    assert (found.method, found.maps.kind) == (method, "relu")
    close(found.scores[:, 0], scores)
    rest, expected = after_maps(model), []

    def score_alone(masked):
        return float(score_of(rest(model.layers[0](masked[None].astype(np.float32))))[0])

    for image, (values, slopes, score) in enumerate(zip(maps, gradients, scores, strict=True)):
        if method == "grad_cam_plus_plus":
            expected.append(oracles.grad_cam_plus_plus(values, slopes, score) / np.exp(np.float64(score)))
        elif method == "score_cam":
            expected.append(oracles.score_cam(values, IMAGES[image], score_alone))
        else:
            expected.append(getattr(oracles, method)(values, slopes))
    assert np.abs(maps * gradients).max() > 0
    close(found.images[:, 0], expected)


def test_grad_cam_plus_plus_from_derivatives_that_tensorflow_takes():
    """The definition with second and third derivatives of exp(S), not the closed form for piecewise linear scores."""
    rng = np.random.default_rng(8)
    maps, kernel = rng.random((3, 4, 2)), rng.normal(size=(24, 5))
    weights = rng.normal(size=5)

    def raised(values):
        return tf.exp(tf.reduce_sum(tf.nn.relu(tf.reshape(values, [1, 24]) @ kernel) * weights))

    first, second, third = oracles.derivatives(raised, maps)
    score = np.log(float(raised(tf.constant(maps))))
    gradients = first / np.exp(score)
    assert (gradients > 0).any()
    assert (gradients < 0).any()
    expected = oracles.from_derivatives(maps, first, second, third) / np.exp(score)
    close(cam_weightings.grad_cam_plus_plus(maps[None], gradients[None])[0], expected, 1e-9)


def test_hires_cam_adds_up_to_the_score_where_one_dense_layer_follows():
    keras.utils.set_random_seed(2)
    flat = [keras.layers.Flatten(), keras.layers.Dense(4, name="scores")]
    model = keras.Sequential([keras.Input((9, 7, 2)), keras.layers.Conv2D(3, 3, activation="relu"), *flat])
    model.layers[-1].bias.assign([1.0, 2.0, 3.0, 4.0])
    fed = np.random.default_rng(0).normal(size=(2, 9, 7, 2)).astype(np.float32)
    result = hires_cam(model, fed, [0, 3])
    close(result.images.sum(axis=(2, 3)), result.scores - np.float32([1, 4]))
    assert result.images.min() < 0


def test_all_weightings_are_the_same_where_every_place_has_the_same_positive_gradient():
    """A sum over places with positive weights: then HiResCAM is LayerCAM, and Grad-CAM too, in other units."""
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, activation="relu"), keras.layers.GlobalAveragePooling2D()]
    )
    fed = photo(8, 1)
    same = [method(model, fed, 1).images for method in (grad_cam, hires_cam, layer_cam)]
    close(same[0], same[1])
    close(same[0], same[2])


def test_gradient_times_input_adds_up_to_the_score_of_a_network_without_biases():
    keras.utils.set_random_seed(3)
    image = keras.Input((10, 10, 2))
    maps = keras.layers.Conv2D(4, 3, activation="relu", use_bias=False)(image)
    maps = keras.layers.Conv2D(4, 3, activation="relu", use_bias=False)(keras.layers.MaxPooling2D()(maps))
    model = keras.Model(image, keras.layers.Dense(3, use_bias=False)(keras.layers.Flatten()(maps)))
    fed = np.random.default_rng(1).normal(size=(2, 10, 10, 2)).astype(np.float32)
    result = gradient_times_input(model, fed, [2, 0])
    assert result.images.shape == (2, 2, 10, 10, 2)
    close(result.images.sum(axis=(2, 3, 4)), result.scores)
    with tf.GradientTape() as tape:
        watched = tf.constant(fed)
        tape.watch(watched)
        score = model(watched)[:, 2]
    close(result.images[:, 0], fed * tape.gradient(score, watched).numpy())


# ---- Score-CAM


def masking_network():
    """Three maps, of which the last is the same everywhere, and two scores."""

    def body(image):
        constant = tf.ones_like(image)
        maps = tf.concat([image, 2 - image, constant], axis=-1, name="maps")
        return tf.matmul(tf.reduce_sum(maps, [1, 2]), [[0.3, -0.1], [0.2, 0.05], [0.0, 0.0]], name="scores")

    return graph_of(body, (2, 3, 1), tf.float32)


def test_score_cam_worked_by_hand():
    """Maps x and 2 - x scale to masks m and 1 - m; the masked images are x m and x (1 - m)."""
    image = np.float32([[0, 1, 2], [2, 1, 0]]).reshape(1, 2, 3, 1)
    network = load(masking_network(), image)
    result = score_cam(network, None, [0, 1], layer="maps")
    x = image[0, ..., 0]
    sums = np.array([(x * x / 2).sum(), (x * (1 - x / 2)).sum()])
    logits = np.outer(sums, [0.3, -0.1]) + np.outer(12 - sums, [0.2, 0.05])
    weights = np.exp(logits) / np.exp(logits).sum(axis=0)
    close(result.images[0], [weights[0, c] * x + weights[1, c] * (2 - x) for c in (0, 1)])
    grey = score_cam(network, None, 0, layer="maps", baseline=2)
    seen = np.array([(2 + x / 2 * (x - 2)).sum(), (2 + (1 - x / 2) * (x - 2)).sum()])
    logits = 0.3 * seen + 0.2 * (12 - seen)
    weights = np.exp(logits) / np.exp(logits).sum()
    close(grey.images[0, 0], weights[0] * x + weights[1] * (2 - x))


def test_steps_of_score_cam_take_a_few_maps_each():
    image = keras.Input((8, 8, 1))
    maps = keras.layers.Conv2D(40, 3, activation="relu", name="maps")(image)
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.GlobalMaxPooling2D()(maps)))
    network = load(model, photo(8, 1, images=2))
    steps = list(score_cam_steps(network, None, [0, 2]))
    assert [(step.index, step.total) for step in steps] == [(index, 6) for index in range(6)]
    assert steps[2].images[0].any()
    assert not steps[2].images[1].any()
    assert (steps[-1].images[0] == steps[2].images[0]).all()
    whole = score_cam(network, None, [0, 2])
    assert whole.images.tobytes() == steps[-1].images.tobytes()
    alone = score_cam(load(network, photo(8, 1, images=2)[1:]), None, 2)
    close(alone.images[0, 0], whole.images[1, 1])


def test_large_scores_do_not_overflow():
    def body(image):
        maps = tf.concat([image, 1 - image], axis=-1, name="maps")
        return tf.matmul(tf.reduce_sum(maps, [1, 2]), [[5000.0], [1000.0]], name="scores")

    network = load(graph_of(body, (4, 4, 1), tf.float32), photo(4, 1))
    for method in CAMS.values():
        assert np.isfinite(method(network, None, 0, layer="maps").images).all()


# ---- sizes and errors


@pytest.mark.parametrize("method", CAMS)
def test_maps_are_enlarged_as_tensorflow_enlarges_them(method):
    network = load(keras_cnn(), photo())
    small, large = CAMS[method](network, None, 2).images, CAMS[method](network, None, 2, upsampled=True).images
    assert large.dtype == np.float32
    close(large[:, 0], tf.image.resize(small[:, 0, ..., None], (20, 20)).numpy()[..., 0])


def test_a_map_of_one_place_or_of_the_same_size_enlarges_to_itself():
    maps = np.arange(6.0).reshape(1, 2, 3)
    assert enlarged(maps, (2, 3)) is maps
    assert (enlarged(np.full((1, 1, 1), 3.0), (4, 5)) == np.full((1, 4, 5), 3)).all()


def test_grad_cam_plus_plus_refuses_maps_whose_sums_are_negative():
    def body(image):
        maps = tf.identity(-image, name="maps")
        return tf.matmul(tf.reduce_sum(maps, [1, 2]), [[1.0]], name="scores")

    network = load(graph_of(body, (4, 4, 1), tf.float32), np.ones((1, 4, 4, 1), np.float32))
    with pytest.raises(LayerError, match=r"a denominator of -14\. Choose the layer after the activation function"):
        grad_cam_plus_plus(network, None, 0, layer="maps")
    close(hires_cam(network, None, 0, layer="maps").images, -np.ones((1, 1, 4, 4)))


def tokens():
    image = keras.Input((8, 8, 3), name="image")
    tokens = keras.layers.Reshape((16, 4))(keras.layers.Dense(64)(keras.layers.Flatten()(image)))  # without a place
    mixed = keras.layers.Dense(4, activation="relu", name="mixed")(tokens)
    return load(keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(mixed))), photo(8))


@pytest.mark.parametrize("method", CAMS)
def test_what_does_not_apply_is_refused_with_a_reason(method):
    network, call = load(keras_cnn(), photo()), CAMS[method]
    with pytest.raises(LayerError, match="feature maps of several places"):
        call(network, None, 0, layer="globally")
    with pytest.raises(LayerError, match="Received: layer='nowhere'"):
        call(network, None, 0, layer="nowhere")
    with pytest.raises(LayerError, match="an image with 2 axes, and layer 'mixed/Relu' with maps of shape"):
        call(tokens(), None, 0, upsampled=True)
    if method != "score_cam":  # which needs no gradient
        assert call(tokens(), None, 0).images.shape == (1, 1, 16)
        with pytest.raises(GradientError, match="differentiable path"):
            call(network, None, 0, layer="inner", scores="fused")


@pytest.mark.parametrize("baseline", [[1, 2], "black", np.zeros((3, 3, 3))])
def test_a_baseline_that_does_not_fit_is_refused(baseline):
    with pytest.raises(FeedError, match="Expected a baseline that fits images of shape"):
        score_cam(load(keras_cnn(), photo()), None, 0, baseline=baseline)


def test_networks_without_maps_or_gradient_are_refused():
    flat = load(graph_of(lambda values: tf.matmul(values, tf.ones((4, 1)), name="scores"), (4,), tf.float32))
    fed = load(flat, np.ones((2, 4), np.float32))
    for method in CAMS.values():
        with pytest.raises(LayerError, match="a network without one"):
            method(fed, None, 0)
    close(gradient_times_input(fed, None, 0).images, np.ones((2, 1, 4)))

    def rounded(image):
        return tf.matmul(tf.reshape(tf.round(image), [-1, 16]), tf.ones((16, 1)), name="scores")

    with pytest.raises(CnnvisError):
        gradient_times_input(load(graph_of(rounded, (4, 4, 1), tf.float32), photo(4, 1)), None, 0)


def test_the_network_is_left_as_it_was():
    network = load(keras_cnn(), photo())
    before, maps = network.fingerprint(), activations(network, None, "inner")[0].values
    for method in (*CAMS.values(), gradient_times_input):
        method(network, None, [0, 1])
    assert network.fingerprint() == before
    assert (activations(network, None, "inner")[0].values == maps).all()


def scores_of(weights, end):
    """A network with one channel of maps, of which each score is a weighted mean."""
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [None, 4, 4, 1], name="image")
        maps = tf.nn.relu(tf.nn.conv2d(image, tf.ones([1, 1, 1, 1]), 1, "SAME"), name="maps")
        end(tf.reduce_mean(maps, [1, 2]) @ tf.constant([weights]))
    return graph


@pytest.mark.parametrize("method", ["grad_cam", "layer_cam"])
def test_an_empty_map_says_why(method):
    network = load(scores_of([1.0, -1.0, 9.0], lambda scores: tf.nn.relu6(scores, name="end")))
    images = np.float32([2.0, 0.0])[:, None, None, None] * np.ones((1, 4, 4, 1), np.float32)
    result = GRADIENT_CAMS[method](network, images, [0, 1, 2], layer="maps", scores="end")
    saturated, silent = "gradient is zero: the score is saturated or off", "all feature maps are zero"
    assert result.notes == (("", saturated, saturated), (saturated, saturated, saturated))
    plain = load(scores_of([1.0, -1.0, 9.0], lambda scores: tf.identity(scores, name="end")))
    result = GRADIENT_CAMS[method](plain, images, [0, 1], layer="maps", scores="end")
    nowhere = "no place speaks for it: the weighted sum of the maps is nowhere positive"
    assert result.notes == (("", nowhere), (silent, silent))
    assert [[image.any() for image in row] for row in result.images] == [[True, False], [False, False]]


def test_guided_grad_cam_says_why_it_is_empty():
    network = load(scores_of([1.0, -1.0], lambda scores: tf.identity(scores, name="end")))
    result = grad_cam(network, np.ones((1, 4, 4, 1), np.float32), [0, 1], layer="maps", scores="end", guided=True)
    assert [bool(note) for note in result.notes[0]] == [not image.any() for image in result.images[0]] == [False, True]
