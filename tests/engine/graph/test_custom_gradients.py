"""Custom gradients are those of their author, compared with ``tf.GradientTape`` on the plain function, or named."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import v1

from cnnvis_widgets import load, reconstruct
from cnnvis_widgets.engine.graph.custom_gradients import has_custom_gradient
from cnnvis_widgets.errors import GradientError

IMAGE = np.random.default_rng(0).uniform(-1, 1, (1, 6, 5, 3)).astype(np.float32)
KERNEL = tf.constant(np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32))
SLOPE = tf.Variable(0.25)


@tf.custom_gradient
def straight_through(x):
    """A binary step whose signal passes."""
    return tf.cast(x > 0, x.dtype), lambda signal: signal


@tf.custom_gradient
def clipped(x):
    """The identity; its gradient takes x itself, and what was computed from it."""
    large = tf.abs(x) > 0.5
    return tf.identity(x), lambda signal: tf.where(large, 0.1 * signal, signal * x)


@tf.custom_gradient
def reversed_gradient(x):
    return tf.identity(x), lambda signal: -3 * signal


@tf.custom_gradient
def by_a_variable(x):
    def back(signal, variables=None):
        return signal * SLOPE, [tf.reduce_sum(signal * x)]

    return x * SLOPE**2, back


@tf.custom_gradient
def of_two(x, y):
    """Two results of two arguments."""
    return (x * y, x - y), lambda signal, other: (2 * signal + other, 5 * other)


@tf.custom_gradient
def leaking_relu(x):
    return tf.nn.relu(x), lambda signal: tf.where(x > 0, signal, 0.3 * signal)


def by_a_tape(x):
    """What a user writes who wants the gradient of another function."""

    @tf.custom_gradient
    def function(x):
        def back(signal):
            with tf.GradientTape() as tape:
                tape.watch(x)
                smooth = tf.tanh(2 * x)
            return tape.gradient(smooth, x, signal)

        return tf.sign(x), back

    return function(x)


FUNCTIONS = {
    "straight through": straight_through,
    "clipped": clipped,
    "reversed": reversed_gradient,
    "variable": by_a_variable,
    "two": lambda x: tf.concat(of_two(x, tf.sin(x)), -1),
    "one of two": lambda x: of_two(x, tf.sin(x))[1],
    "relu": leaking_relu,
    "tape": by_a_tape,
    "twice": lambda x: clipped(clipped(x)),
    "pass-through": lambda x: tf.grad_pass_through(tf.round)(x),
    "recomputed": tf.recompute_grad(lambda x: tf.sin(3 * x)),
    "stopped": lambda x: x + tf.stop_gradient(tf.round(x) - x),
    "by parts": lambda x: 0.3 * x + tf.stop_gradient(tf.cast(x > 0, x.dtype) - 0.3 * x),
    "fake quantization": lambda x: tf.quantization.fake_quant_with_min_max_args(x, -0.5, 0.7),
    "fake quantization by variables": lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -0.5, 0.7),
    "quantized": lambda x: tf.quantization.quantize_and_dequantize_v2(x, -0.5, 0.7, range_given=True),
}
KEPT = {
    "straight through",
    "clipped",
    "reversed",
    "variable",
    "two",
    "one of two",
    "relu",
    "tape",
    "twice",
    "pass-through",
}


def network(function):
    """A convolution, the function, and a sum with weights."""
    return lambda x: tf.reduce_sum(function(tf.nn.conv2d(x, KERNEL, 1, "SAME")), [1, 2])


def oracle(function, channel):
    with tf.GradientTape() as tape:
        image = tf.constant(IMAGE)
        tape.watch(image)
        value = network(function)(image)[0, channel]
    return tape.gradient(value, image).numpy()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_is_traced_keeps_the_gradient_of_its_author(name):
    function = FUNCTIONS[name]
    loaded = load(tf.function(network(function)), IMAGE)
    layer = loaded.outputs[0].name
    result = reconstruct(loaded, None, layer, channels=[1], rule="gradient", seed="ones")
    np.testing.assert_allclose(result.images[0, 0], oracle(function, 1)[0], rtol=1e-5, atol=1e-6)
    assert result.images.any()
    kinds = {op.kind: op.treatment for op in result.coverage.ops}
    assert kinds.get("custom gradient") == ("exact" if name in KEPT else None)
    guided = {op.kind: op.treatment for op in loaded.coverage("guided", layer).ops}
    assert guided.get("custom gradient") == ("unruled" if name in KEPT else None)


class Quantized(keras.layers.Layer):
    def call(self, x):
        return straight_through(x - 0.1)


def keras_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6, 5, 3)), keras.layers.Conv2D(4, 3, name="c"), Quantized(name="q")])


def tape_of(model, channel=1):
    with tf.GradientTape() as tape:
        image = tf.constant(IMAGE)
        tape.watch(image)
        value = tf.reduce_sum(model(image)[..., channel])
    return tape.gradient(value, image).numpy()


def test_a_keras_layer_keeps_it():
    model = keras_model()
    result = reconstruct(model, IMAGE, "q", channels=[1], rule="gradient", seed="ones")
    np.testing.assert_allclose(result.images[0, 0], tape_of(model)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("saved", ["keras", "saved model"])
def test_a_file_keeps_it_as_its_format_does(tmp_path, saved):
    model = keras_model()
    expected = tape_of(model)
    if saved == "keras":
        model.save(tmp_path / "m.keras")
        reread = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Quantized": Quantized})
        result = reconstruct(reread, IMAGE, "q", channels=[1], rule="gradient", seed="ones")
    else:
        model.export(tmp_path / "m", verbose=False)
        loaded = load(str(tmp_path / "m"), IMAGE)
        result = reconstruct(loaded, None, "Identity", channels=[1], rule="gradient", seed="ones")
    np.testing.assert_allclose(result.images[0, 0], expected[0], rtol=1e-5, atol=1e-6)


def test_signals_that_start_at_a_wrapped_layer_take_its_gradient():
    loaded = load(tf.function(lambda x: 2.0 * leaking_relu(tf.nn.conv2d(x, KERNEL, 1, "SAME"))), IMAGE)
    (relu,) = loaded.select("r")
    result = reconstruct(loaded, None, relu, channels=[0], rule="gradient", seed="ones")
    np.testing.assert_allclose(
        result.images[0, 0],
        tape_of(lambda x: leaking_relu(tf.nn.conv2d(x, KERNEL, 1, "SAME")), 0)[0],
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_graph_that_is_not_live_loses_it_by_name():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 6, 5, 3], name="image")
        tf.identity(clipped(tf.nn.conv2d(image, KERNEL.numpy(), 1, "SAME")), name="end")
    live, dead = load(graph, IMAGE), load(graph.as_graph_def(), IMAGE)
    assert str(live.coverage("gradient", "end")) == "gradient: 1 convolution exact, 1 custom gradient exact"
    assert not dead.coverage("gradient", "end").complete
    for rule in ("gradient", "guided"):
        assert ("custom gradient", "lost") in {(op.kind, op.treatment) for op in dead.coverage(rule, "end").ops}
    plain = reconstruct(dead, None, "end", channels=[0], rule="gradient", seed="ones")
    np.testing.assert_allclose(
        plain.images[0, 0], tape_of(lambda x: tf.nn.conv2d(x, KERNEL, 1, "SAME"), 0)[0], rtol=1e-5, atol=1e-6
    )
    own = reconstruct(live, None, "end", channels=[0], rule="gradient", seed="ones")
    np.testing.assert_allclose(
        own.images[0, 0], tape_of(lambda x: clipped(tf.nn.conv2d(x, KERNEL, 1, "SAME")), 0)[0], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(("function", "treatment"), [(straight_through, "exact"), (clipped, "lost")])
def test_inside_a_function_that_is_called_it_is_kept_if_it_needs_nothing_else(function, treatment):
    called = tf.function(function)
    loaded = load(tf.function(lambda x: called(tf.nn.conv2d(x, KERNEL, 1, "SAME")) * 2.0), IMAGE)
    kinds = {op.kind: op.treatment for op in loaded.coverage("gradient", loaded.outputs[0].name).ops}
    assert kinds["custom gradient"] == treatment


def test_an_override_of_one_op_is_kept_while_its_graph_is_live():
    if "CnnvisTestNegative" not in NAMES:
        tf.RegisterGradient("CnnvisTestNegative")(lambda op, signal: -signal * op.outputs[0])
        NAMES.add("CnnvisTestNegative")
    graph = tf.Graph()
    with graph.as_default(), graph.gradient_override_map({"Relu": "CnnvisTestNegative"}):
        image = v1.placeholder(tf.float32, [None, 6, 5, 3], name="image")
        tf.nn.relu(image, name="relu")
    live, dead = load(graph, IMAGE), load(graph.as_graph_def(), IMAGE)
    own = reconstruct(live, None, "relu", channels=[2], rule="gradient", seed="ones").images[0, 0, ..., 2]
    np.testing.assert_allclose(own, -np.maximum(IMAGE[0, ..., 2], 0), rtol=1e-6)
    assert str(live.coverage("gradient", "relu")) == "gradient: 1 custom gradient exact"
    assert str(live.coverage("guided", "relu")) == "guided: 1 relu rule"
    assert str(dead.coverage("gradient", "relu")) == "gradient: 1 custom gradient lost"


NAMES = set()


def test_the_silu_of_tensorflow_is_none():
    loaded = load(tf.function(lambda x: tf.nn.silu(tf.nn.conv2d(x, KERNEL, 1, "SAME"))), IMAGE)
    assert not any(map(has_custom_gradient, loaded.runtime.frozen.graph_def.node))
    assert str(loaded.coverage("gradient", loaded.select("r")[0])) == "gradient: 1 convolution exact, 1 silu exact"


def test_a_gradient_that_raises_is_lost_and_named():
    @tf.custom_gradient
    def broken(x):
        def back(signal):
            raise RuntimeError("not today")

        return tf.sin(x), back

    loaded = load(tf.function(network(broken)), IMAGE)
    assert "1 custom gradient lost" in str(loaded.coverage("gradient", loaded.outputs[0].name))


def test_a_step_that_no_author_mended_still_raises():
    loaded = load(tf.function(lambda x: tf.cast(tf.nn.conv2d(x, KERNEL, 1, "SAME") > 0, tf.float32)), IMAGE)
    with pytest.raises(GradientError, match="passes no gradient"):
        reconstruct(loaded, None, loaded.outputs[0].name, rule="gradient")
