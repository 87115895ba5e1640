"""Dreams whose channel is off at the start: louder noise, a way into ReLUs, and what the result tells."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from dreams import run
from networks import v1

from cnnvis_widgets import load
from cnnvis_widgets.engine.dreaming import way_in
from cnnvis_widgets.engine.dreaming.parameterizations import fourier
from cnnvis_widgets.errors import GradientError

layers = keras.layers
BELOW, ABOVE = np.full((8, 8, 1), -0.5, np.float32), np.full((8, 8, 1), 7.0, np.float32)


def graph_of(function):
    """A network of one function of grey pixels, whose output is called 'end'."""
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 1], name="image")
        tf.identity(function(tf.nn.conv2d(image, tf.ones([1, 1, 1, 1]), 1, "SAME")), name="end")
    return load(graph)


def sums(*biases):
    """ReLUs of the sum of three pixels and a bias. At grey, the sum is 1.5."""
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(len(biases), 1, activation="relu", kernel_initializer="ones", name="c"),
        ]
    )
    model.get_layer("c").bias.assign(biases)
    return load(model)


WAYS = {
    "relu": (tf.nn.relu, BELOW, 1),
    "relu6": (tf.nn.relu6, BELOW, 1),
    "cast": (lambda x: x * tf.cast(x > 0, x.dtype), BELOW, 1),
    "maximum": (lambda x: tf.maximum(x, 0.0), BELOW, 1),
    "clip": (lambda x: tf.clip_by_value(x, 0.0, 1.0), BELOW, 1),
    "two in a row": (lambda x: tf.nn.relu(tf.nn.relu(x) - 0.1), BELOW, 1),
    "relu6 at its ceiling": (lambda x: -tf.nn.relu6(x), ABOVE, -1),
    "clip at its ceiling": (lambda x: -tf.clip_by_value(x, 0.0, 4.0), ABOVE, -1),
    "gate": (lambda x: 2 * (tf.nn.relu6(x + 3) / 6) - 1, BELOW - 4, 1),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_signal_finds_its_way_into_what_lets_nothing_through(way):
    function, pixels, sign = WAYS[way]
    (step,) = run(graph_of(function), None, "end", 0, start=pixels, value_range=(-10, 10), steps=1, laplacian_levels=0)
    assert (np.sign(step.images[0] - pixels) == sign).all()
    assert step.notes == ("1 step through ReLUs that are off: no gradient came back",)


@pytest.mark.parametrize(
    ("function", "pixels"),
    [(lambda x: -tf.nn.relu(x), BELOW), (tf.nn.relu6, ABOVE), (lambda x: 0 * x, ABOVE)],
    ids=["off, and to fall", "at the ceiling, and to rise", "nothing"],
)
def test_no_way_is_opened_where_the_score_cannot_rise(function, pixels):
    with pytest.raises(GradientError, match="zero everywhere in step 0, also behind ReLUs that are off"):
        run(graph_of(function), None, "end", 0, start=pixels, value_range=(-10, 10))


def test_a_picture_moves_along_a_redirected_gradient_only_where_nothing_comes_back():
    """A ReLU of red is on, one of blue is off. The first channel is their sum, the second is the one of blue."""
    image = keras.Input((None, None, 3))
    colours = [layers.Conv2D(1, 1, activation="relu", name=name)(image) for name in ("red", "blue")]
    model = keras.Model(image, layers.Conv2D(2, 1, use_bias=False, name="c")(layers.Concatenate()(colours)))
    model.get_layer("red").set_weights([np.float32([1, 0, 0]).reshape(1, 1, 3, 1), np.float32([0])])
    model.get_layer("blue").set_weights([np.float32([0, 0, 1]).reshape(1, 1, 3, 1), np.float32([-9])])
    model.get_layer("c").set_weights([np.float32([[[[1, 0], [1, 1]]]])])
    options = {"start": np.full((32, 32, 3), 0.5, np.float32), "steps": 1, "laplacian_levels": 0}
    (both,) = run(model, None, "c", [0, 1], together=2, **options)
    moved = both.images > 0.5
    assert moved[0].all((0, 1)).tolist() == [True, False, False]
    assert moved[1].all((0, 1)).tolist() == [False, False, True]
    assert both.scores.tolist() == [0.5, 0.0]
    assert [bool(note) for note in both.notes] == [False, True]
    (first,) = run(model, None, "c", 0, together=2, **options)
    assert both.images[0].tobytes() == first.images[0].tobytes()


@pytest.mark.parametrize("options", [{}, {"parameterization": fourier()}], ids=["pixels", "fourier"])
def test_a_channel_that_is_off_on_a_photo_is_entered(options):
    options |= {"start": np.full((64, 64, 3), 0.5, np.float32), "steps": 30}
    steps = run(sums(-1.6), None, "c", 0, **options)
    assert steps[0].scores[0] == 0
    assert steps[-1].scores[0] > 0.3
    assert "through ReLUs that are off" in steps[-1].notes[0]
    assert "has not risen" not in steps[-1].notes[0]


def test_a_dead_channel_is_refused_after_some_steps():
    """Its sum would have to be 9, and pixels are at most 1."""
    steps = []
    with pytest.raises(GradientError, match="stayed off for 16 steps"):
        steps.extend(run(sums(-9.0), None, "c", 0, start=np.full((32, 32, 3), 0.5, np.float32), steps=30))
    assert way_in.MOST_REDIRECTED == 16


def test_a_dream_at_its_highest_score_goes_on_without_a_gradient():
    steps = run(graph_of(tf.nn.relu6), None, "end", 0, start=ABOVE - 2, value_range=(-10, 10), steps=15, step_size=30)
    assert steps[-1].scores[0] == 6
    assert "without any gradient: every unit is saturated or off" in steps[-1].notes[0]
    assert "has not risen" not in steps[-1].notes[0]


@pytest.mark.parametrize("size", [(32, 32), (64, 64)], ids=["pixels", "fourier"])
def test_noise_grows_louder_until_its_channel_is_on(size):
    (quiet,) = run(sums(-1.4), None, "c", 0, size=size, steps=1)
    (loud,) = run(sums(-1.9), None, "c", 0, size=size, steps=1)
    assert quiet.notes == ("",)
    assert "times as strong as usual" in loud.notes[0]
    assert loud.scores[0] > 0
    assert loud.images.std() > 2 * quiet.images.std()
    (again,) = run(sums(-1.9), None, "c", 0, size=size, steps=1)
    assert again.images.tobytes() == loud.images.tobytes()


def test_a_score_that_does_not_rise_is_told_in_the_last_step():
    steps = run(sums(-1.0), None, "c", 0, start=np.ones((32, 32, 3), np.float32), steps=3)
    assert [step.notes for step in steps[:-1]] == [("",), ("",)]
    assert steps[-1].notes == ("the score has not risen: 2 in the first step, 2 in the last",)
