"""Rules reach the ReLUs inside loops and branches, compared with the same function written out in Python."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager.context import context

from cnnvis_widgets import load, reconstruct

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.uniform(-1, 1, (1, 5, 6, 3)).astype(np.float32)
KERNEL = tf.constant(RANDOM.normal(size=(3, 3, 3, 3)).astype(np.float32) / 3)


@tf.custom_gradient
def guided(x):
    return tf.nn.relu(x), lambda signal: tf.nn.relu(signal) * tf.cast(x > 0, x.dtype)


@tf.custom_gradient
def deconvnet(x):
    return tf.nn.relu(x), tf.nn.relu


RULES = {"guided": guided, "deconvnet": deconvnet, "gradient": tf.nn.relu}


def convolved(x):
    return tf.nn.conv2d(x, KERNEL, 1, "SAME")


def maximum(x):
    return tf.maximum(x, 0.0)


def loop(x, relu):
    step = lambda index, t: (index + 1, relu(convolved(t)))  # noqa: E731, as TensorFlow's guides write it
    return tf.while_loop(lambda index, t: index < 3, step, [0, x])[1]


def autograph(x, relu):
    for _ in tf.range(3):
        x = relu(convolved(x))
    return x


def branch(x, relu):
    return relu(convolved(x)) if tf.shape(x)[2] > 3 else 2.0 * relu(-convolved(x))


def small_branch(x, relu):
    """Without a layer inside that would be listed."""
    x = convolved(x)
    return tf.cond(tf.shape(x)[2] > 3, lambda: relu(x), lambda: 2.0 * x)


def branch_in_a_loop(x, relu):
    for index in tf.range(4):
        x = relu(convolved(x)) if index % 2 == 0 else convolved(x) + 0.1
    return x


def list_of_states(x, relu):
    """A loop over the rows of the image, with a list of what it gave."""
    rows = tf.transpose(x, [1, 0, 2, 3])
    states = tf.TensorArray(tf.float32, size=5)
    state = tf.zeros_like(rows[0])
    for index in tf.range(5):
        state = relu(0.5 * state + rows[index])
        states = states.write(index, state)
    return tf.transpose(states.stack(), [1, 0, 2, 3])


PLACES = {
    "while_loop": (loop, tf.nn.relu),
    "AutoGraph": (autograph, tf.nn.relu),
    "composite in a loop": (autograph, maximum),
    "branch": (branch, tf.nn.relu),
    "composite in a branch": (small_branch, maximum),
    "branch in a loop": (branch_in_a_loop, tf.nn.relu),
    "list of states": (list_of_states, tf.nn.relu),
}


def written_out(place, rule):
    """The gradient of the sum of channel 1, where a ReLU has the gradient of the rule."""
    function, _ = PLACES[place]
    with tf.GradientTape() as tape:
        image = tf.constant(IMAGE)
        tape.watch(image)
        value = tf.reduce_sum(convolved(function(image, RULES[rule]))[..., 1])
    return tape.gradient(value, image).numpy()[0]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("place", PLACES)
def test_a_rule_reaches_every_relu(place, rule):
    function, relu = PLACES[place]
    network = load(tf.function(lambda x: convolved(function(x, relu))), IMAGE)
    layer = network.select("c")[-1]
    result = reconstruct(network, None, layer, channels=[1], rule=rule, seed="ones")
    np.testing.assert_allclose(result.images[0, 0], written_out(place, rule), rtol=1e-4, atol=1e-5)
    assert result.images.any()
    assert result.coverage.complete, str(result.coverage)
    treatments = {op.treatment for op in result.coverage.ops if op.kind == "relu"}
    assert treatments == {"exact" if rule == "gradient" else "rule"}


def test_the_functions_of_loops_are_freed_with_their_network():
    def registered():
        network = load(tf.function(lambda x: convolved(branch_in_a_loop(x, tf.nn.relu))), IMAGE)
        reconstruct(network, None, network.select("c")[-1], channels=[1])
        del network
        gc.collect()
        return context().list_function_names()

    assert len(registered()) == len(registered())


def test_what_has_one_value_is_a_layer():
    network = load(tf.function(lambda x: branch(x, tf.nn.relu)), IMAGE)
    assert [layer.kind for layer in network.select("r")] == ["relu", "relu"]
    network = load(tf.function(lambda x: convolved(loop(x, tf.nn.relu))), IMAGE)
    assert [layer.kind for layer in network.layers] == ["convolution"]  # three values of one ReLU are no layer


def test_what_is_not_linear_inside_is_named():
    def body(x):
        for _ in tf.range(2):
            x = tf.tanh(convolved(x)) * x + tf.stop_gradient(tf.exp(x))
        return x

    network = load(tf.function(lambda x: convolved(body(x))), IMAGE)
    layer = network.select("c")[-1]
    assert str(network.coverage("guided", layer)) == (
        "guided: 1 loop exact, 2 convolution exact, 1 tanh unruled, 1 product unruled"
    )
    assert network.coverage("gradient", layer).complete


def test_what_a_loop_only_counts_or_what_does_not_depend_on_the_image_is_not_named():
    def body(x):
        scale = 1.0
        for index in tf.range(3):
            scale = tf.sin(scale * tf.cast(index, tf.float32))
            x = convolved(x) * scale
        return x

    network = load(tf.function(lambda x: convolved(body(x))), IMAGE)
    found = network.coverage("guided", network.select("c")[-1])
    assert str(found) == "guided: 1 loop exact, 2 convolution exact"


@pytest.mark.parametrize("cell", ["SimpleRNN", "GRU", "LSTM"])
def test_relu_cells_of_keras(cell):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((6, 3)), getattr(layers, cell)(4, activation="relu"), layers.Dense(2, name="scores")]
    )
    network = load(model)
    feed = RANDOM.uniform(-1, 1, (1, 6, 3)).astype(np.float32)
    kinds = {(op.kind, op.treatment) for op in network.coverage("guided", "scores").ops}
    assert ("relu", "rule") in kinds
    assert not {treatment for _, treatment in kinds} & {"unknown"}
    by_rule = {rule: reconstruct(network, feed, "scores", channels=[0], rule=rule).images for rule in RULES}
    assert np.abs(by_rule["guided"] - by_rule["gradient"]).max() > 0.1 * np.abs(by_rule["gradient"]).max()
    if cell == "SimpleRNN":  # written out, since its cell is a line
        kernel, recurrent, bias = model.layers[0].get_weights()
        weights, shift = model.layers[1].get_weights()
        with tf.GradientTape() as tape:
            rows = tf.constant(feed)
            tape.watch(rows)
            state = tf.zeros([1, 4])
            for index in range(6):
                state = guided(rows[:, index] @ kernel + bias + state @ recurrent)
            value = (state @ weights + shift)[0, 0]
        np.testing.assert_allclose(
            by_rule["guided"][0, 0], (tape.gradient(value, rows) * value)[0], rtol=1e-4, atol=1e-6
        )


def test_what_depends_on_the_image_after_one_round_does_so_before_the_next():
    def body(x):
        state = tf.zeros_like(x)
        for _ in tf.range(2):
            state = tf.square(state) + convolved(x)
        return state

    network = load(tf.function(lambda x: convolved(body(x))), IMAGE)
    found = network.coverage("guided", network.select("c")[-1])
    assert ("square", "unruled") in {(op.kind, op.treatment) for op in found.ops}
