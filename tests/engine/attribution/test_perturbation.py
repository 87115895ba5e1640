"""Insertion and deletion curves, average drop and increase: the papers' definitions, heads of all kinds, and errors."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from heads import KINDS, SIZE, sequential
from networks import keras_cnn, photo
from oracles import perturbations as oracles
from oracles.in_tensorflow import graph_of

from cnnvis_widgets import (
    Target,
    average_drop,
    deletion,
    grad_cam,
    gradient_times_input,
    hires_cam,
    insertion,
    load,
    occlusion,
    predict,
)
from cnnvis_widgets.engine.attribution.perturbation import blurred, deletion_steps
from cnnvis_widgets.errors import FeedError, LayerError, NumericalError, OptionError
from cnnvis_widgets.results import Attribution

IMAGES = np.random.default_rng(3).random((2, *SIZE), np.float32)


def close(found, expected, tolerance=1e-5):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def probabilities(model, channel):
    return lambda image: float(model(image[None].astype(np.float32))[0, channel])


@pytest.mark.parametrize("kind", ["deletion", "insertion"])
@pytest.mark.parametrize("method", [gradient_times_input, grad_cam], ids=["pixels", "maps"])
def test_curves_are_those_of_the_paper(kind, method):
    model, fed = keras_cnn(), photo(images=2)
    network, canvas = load(model, fed), photo(seed=9)[0]
    attribution = method(network, None, [2, 0])
    curve = {"deletion": deletion, "insertion": insertion}[kind](network, None, attribution, baseline=canvas, steps=7)
    assert (curve.kind, curve.method, curve.quantity) == (kind, attribution.method, "probability")
    assert curve.values.dtype == curve.fractions.dtype == curve.areas.dtype == np.float32
    counts = [round(400 * step / 7) for step in range(8)]
    close(curve.fractions, np.array(counts) / 400)
    if method is grad_cam:
        values = grad_cam(network, None, [2, 0], upsampled=True).images
    else:
        values = attribution.images.sum(axis=-1)
    for image in (0, 1):
        ends = (fed[image], canvas) if kind == "deletion" else (canvas, fed[image])
        for target, channel in enumerate((2, 0)):
            importance = values[image, target].astype(np.float32)
            expected = oracles.curve(*ends, importance, counts, probabilities(model, channel))
            close(curve.values[image, target], expected)
            assert curve.areas[image, target] == pytest.approx(
                oracles.area([count / 400 for count in counts], expected), rel=1e-5
            )


def weighted_sum(weights):
    """A head of one value: the weighted sum of the pixels."""

    def body(image):
        return tf.matmul(tf.reshape(image, [-1, 4]), np.float32(weights).reshape(4, 1), name="scores")

    return load(graph_of(body, (2, 2, 1), tf.float32), np.ones((1, 2, 2, 1), np.float32))


def test_curves_worked_by_hand():
    """Pixels with the weights 1, 4, 3, 2 on a black canvas: deletion leaves 10, 6, 3, 1, 0."""
    network = weighted_sum([1, 4, 3, 2])
    attribution = gradient_times_input(network, None, 0)
    gone = deletion(network, None, attribution, baseline=0, steps=4)
    close(gone.values, [[[10, 6, 3, 1, 0]]])
    close(gone.areas, [[3.75]])
    assert (gone.quantity, gone.baseline) == ("score", "as given")
    back = insertion(network, None, attribution, baseline=0, steps=4)
    close(back.values, [[[0, 4, 7, 9, 10]]])
    close(back.areas, [[6.25]])
    worst = deletion(network, None, replace(attribution, images=-attribution.images), baseline=0, steps=4)
    close(worst.values, [[[10, 9, 7, 4, 0]]])
    assert worst.areas > gone.areas


def test_equal_pixels_follow_each_other_row_by_row_and_more_steps_than_pixels_are_no_more_points():
    network = weighted_sum([1, 4, 3, 2])
    flat = replace(gradient_times_input(network, None, 0), images=np.zeros((1, 1, 2, 2, 1), np.float32))
    curve = deletion(network, None, flat, baseline=0, steps=50)
    close(curve.fractions, [0, 0.25, 0.5, 0.75, 1])
    close(curve.values, [[[10, 9, 5, 2, 0]]])


def test_default_baselines_are_grey_and_blurred():
    model, fed = keras_cnn(), photo(images=2)
    network = load(model, fed)
    attribution = hires_cam(network, None, 1)
    gone, back = deletion(network, None, attribution, steps=3), insertion(network, None, attribution, steps=3)
    assert (gone.baseline, back.baseline) == ("middle of the range", "blurred")
    close(gone.values[:, 0, -1], model(np.full_like(fed, 0.5))[:, 1])
    close(back.values[:, 0, 0], model(blurred(fed))[:, 1])
    close(back.values[:, 0, -1], gone.values[:, 0, 0])
    close(gone.values[:, 0, 0], predict(network).probabilities[:, 1])
    same = deletion(network, None, attribution, baseline="blurred", steps=3)
    close(same.values[:, 0, -1], back.values[:, 0, 0])


def test_a_blur_is_a_gaussian_mean_that_counts_nothing_beyond_the_border():
    close(blurred(np.ones((1, 40, 30, 2), np.float32)), np.ones((1, 40, 30, 2)))
    image = np.zeros((1, 224, 224, 1), np.float32)
    image[0, 100, 120] = 1
    small = blurred(image)[0, ..., 0]
    offsets = np.arange(-15, 16)
    kernel = np.exp(-(offsets**2) / 50)
    kernel /= kernel.sum()
    close(small[85:116, 105:136], np.outer(kernel, kernel).astype(np.float32))
    assert not small[:85].any()
    signal = np.random.default_rng(0).random((2, 60, 3), np.float32)
    close(blurred(signal), blurred(signal[:, None].repeat(1, axis=1).reshape(2, 1, 60, 3))[:, 0])


ASKED = {
    "labels": (2, lambda p: p[:, 2]),
    "yes or no": ("no", lambda p: 1 - p[:, 0]),
    "values": (1, lambda p: p[:, 1]),
    "class map": (Target(2, place=(5, 1)), lambda p: p[:, 5, 1, 2]),
    "anchors": (Target(1, place=(77,)), lambda p: p[:, 77, 1]),
}


@pytest.mark.parametrize("kind", ASKED)
def test_heads_and_targets_of_every_kind(kind):
    asked, value_of = ASKED[kind]
    model = sequential(*KINDS[kind][0]())
    network = load(model, IMAGES)
    attribution = hires_cam(network, None, asked)
    curve = deletion(network, None, attribution, baseline=0.25, steps=1)
    grey = np.full_like(IMAGES, 0.25)
    close(curve.values[:, 0], np.stack([value_of(np.asarray(model(fed))) for fed in (IMAGES, grey)], axis=1))
    assert curve.quantity == ("score" if kind == "values" else "probability")


def test_the_surest_class_of_each_image_is_followed():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(image)))
    fed = np.random.default_rng(6).normal(size=(5, 4, 4, 1)).astype(np.float32)
    network = load(model, fed)
    attribution = gradient_times_input(network)
    assert attribution.targets == (-1,)
    surest = np.asarray(model(fed)).max(axis=1)
    close(deletion(network, None, attribution, steps=2).values[:, 0, 0], surest)
    close(average_drop(network, None, attribution).before[:, 0], surest)


def test_steps_know_more_and_more():
    network = load(keras_cnn(), photo(images=2))
    steps = list(deletion_steps(network, None, grad_cam(network, None, [0, 1]), steps=19))
    assert [(step.index, step.total) for step in steps] == [(index, 8) for index in range(8)]
    assert [int(np.isfinite(step.values).sum()) for step in steps] == [16, 20, 36, 40, 56, 60, 76, 80]
    assert np.isfinite(steps[1].areas).tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize("shape", [(12, 2), (5, 4, 3, 2)], ids=["signal", "volume"])
def test_signals_and_volumes(shape):
    def body(values):
        return tf.matmul(
            tf.reshape(values, [-1, int(np.prod(shape))]), tf.ones((int(np.prod(shape)), 2)), name="scores"
        )

    network = load(graph_of(body, shape, tf.float32), np.random.default_rng(0).random((2, *shape), np.float32))
    attribution = gradient_times_input(network, None, 1)
    assert np.isfinite(insertion(network, None, attribution, steps=3).areas).all()


def test_each_value_of_a_flat_input_is_a_pixel():
    def dense(values):
        return tf.matmul(values, [[1.0], [4.0], [3.0]], name="scores")

    network = load(graph_of(dense, (3,), tf.float32), np.ones((1, 3), np.float32))
    attribution = gradient_times_input(network, None, 0)
    close(deletion(network, None, attribution, baseline=0, steps=3).values, [[[8, 4, 1, 0]]])
    with pytest.raises(FeedError, match="height and width, to blur them"):
        insertion(network, None, attribution)


# ---- average drop


def test_average_drop_and_increase_are_those_of_the_paper():
    model, fed = keras_cnn(), photo(images=4)
    network = load(model, fed)
    attribution = hires_cam(network, None, [1, 3], upsampled=True)
    result = average_drop(network, None, attribution, baseline=0)
    for target, channel in enumerate((1, 3)):
        masks = np.maximum(attribution.images[:, target], 0)
        largest = masks.max(axis=(1, 2), keepdims=True)
        masks /= np.where(largest > 0, largest, 1)
        after = np.asarray(model(fed * masks[..., None]))[:, channel]
        before = np.asarray(model(fed))[:, channel]
        close(result.before[:, target], before)
        close(result.after[:, target], after)
        assert result.average_drop[target] == pytest.approx(oracles.average_drop(before, after), rel=1e-4)
        assert result.increase[target] == pytest.approx(oracles.increase(before, after))
    assert result.drops.shape == (4, 2)
    assert (result.average_drop.dtype, result.increase.dtype) == (np.float32, np.float32)


def test_nothing_is_visible_where_nothing_is_positive():
    model, fed = keras_cnn(), photo() * 2 - 1
    network = load(model, fed)
    none = replace(gradient_times_input(network, None, 0), images=np.full((1, 1, 20, 20, 3), -1, np.float32))
    result = average_drop(network, None, none)
    close(result.after[:, 0], np.asarray(model(np.full_like(fed, -1)))[:, 0])  # the darkest value
    grey = average_drop(network, None, none, baseline=0)
    close(grey.after[:, 0], np.asarray(model(np.zeros_like(fed)))[:, 0])


def test_values_cannot_drop():
    network = weighted_sum([1, 2, 3, 4])
    with pytest.raises(LayerError, match=r"head with probabilities. Received: head .* of values"):
        average_drop(network, None, gradient_times_input(network, None, 0))


# ---- errors


def unfinished(network):
    sweep = occlusion(network, None, 0, size=10, stride=10).attribution
    return replace(sweep, images=np.where(sweep.images > 0, np.nan, sweep.images))


def without_head(network):
    result = grad_cam(network, None, 0)
    return Attribution(
        result.method, result.layer, "", result.targets, result.names, images=result.images, scores=result.scores
    )


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda n: grad_cam(n, None, 0), {"steps": 0}, OptionError, "Received: steps=0"),
        (lambda n: grad_cam(n, None, 0), {"baseline": "black"}, OptionError, "Received: baseline='black'"),
        (lambda n: grad_cam(n, None, 0), {"baseline": [1, 2]}, FeedError, "fits images of shape"),
        (lambda n: grad_cam(n, photo(images=2), 0), {}, FeedError, "1 images and an attribution of 2"),
        (lambda n: replace(gradient_times_input(n, None, 0), images=np.ones((1, 1, 8, 8, 3), np.float32)), {},
         FeedError, r"images of shape \(20, 20\). Received: \(8, 8\)"),
        (unfinished, {}, NumericalError, "finished attribution"),
        (without_head, {}, LayerError, "one without a head"),
    ],
)  # fmt: skip
def test_errors_say_what_was_expected(change, options, error, message):
    network = load(keras_cnn(), photo())
    attribution = change(network)
    with pytest.raises(error, match=message):
        deletion(network, None, attribution, **options)


def test_tokens_without_a_place_have_no_pixels():
    image = keras.Input((8, 8, 3), name="image")
    tokens = keras.layers.Reshape((16, 4))(keras.layers.Dense(64)(keras.layers.Flatten()(image)))  # without a place
    mixed = keras.layers.Dense(4, activation="relu")(tokens)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(mixed)))
    network = load(model, photo(8))
    with pytest.raises(LayerError, match="maps with the axes of the image"):
        insertion(network, None, grad_cam(network, None, 0))
