"""Coverage names every op that is not linear or not known; nothing is exact because nobody listed it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo, v1

from cnnvis_widgets import load, reconstruct
from cnnvis_widgets.errors import FeedWarning

WEIGHTS = np.random.default_rng(0).uniform(0.5, 1.5, 3).astype(np.float32)


def covered(function, rule="deconvnet", size=8):
    """How the ops of ``function`` are treated, between a ReLU and the layer."""
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, size, size, 3], name="image")
        tf.identity(function(tf.nn.relu(image)), name="out")
    found = load(graph, photo(size)).coverage(rule, "out")
    return {(op.kind, op.treatment): op.count for op in found.ops if op.kind != "relu"}, found.complete


NOT_LINEAR = {
    "square": tf.square,
    "power": lambda x: x**1.5,
    "square root": tf.sqrt,
    "arc tangent": tf.atan,
    "sine": tf.sin,
    "softsign": tf.nn.softsign,
    "fake quantization": lambda x: tf.quantization.fake_quant_with_min_max_args(x, 0, 1),
    "sorting": lambda x: tf.math.top_k(x, 2)[0],
    "rounding": tf.round,
    "clipping": lambda x: tf.raw_ops.ClipByValue(t=x, clip_value_min=0.2, clip_value_max=0.5),
    "minimum over axes": lambda x: tf.reduce_min(x, [1, 2]),
    "product": lambda x: x * x,
    "quotient": lambda x: 1 / (1 + x),
    "matrix product": lambda x: tf.matmul(x, x, transpose_b=True),
}


@pytest.mark.parametrize("kind", NOT_LINEAR)
def test_an_op_that_is_not_linear_is_unruled(kind):
    assert covered(NOT_LINEAR[kind]) == ({(kind, "unruled"): 1}, False)
    assert covered(NOT_LINEAR[kind], "gradient") == ({(kind, "exact"): 1}, True)


GROUPS = {
    "thresholded_relu": lambda x: x * tf.cast(x > 0.5, tf.float32),
    "celu": lambda x: keras.activations.celu(x - 0.5),
    "squareplus": keras.activations.squareplus,
    "softplus": lambda x: tf.maximum(x, 0) + tf.math.log1p(tf.exp(-abs(x))),
    "hard_sigmoid": lambda x: tf.clip_by_value(0.2 * x + 0.5, 0, 1),
    "hard_swish": lambda x: x * tf.clip_by_value(x + 3, 0, 6) / 6,
}


@pytest.mark.parametrize("kind", GROUPS)
def test_a_smooth_function_or_a_gate_of_several_ops_is_unruled_by_one_name(kind):
    function = lambda x: GROUPS[kind](x) * WEIGHTS  # noqa: E731 - a sigmoid at the very end would be left out
    assert covered(function) == ({(kind, "unruled"): 1}, False)
    assert covered(function, "gradient") == ({(kind, "exact"): 1}, True)


MAXOUTS = {
    "maxout": lambda x: tf.maximum(x * WEIGHTS, x[:, ::-1]),
    "maximum over axes": lambda x: tf.reduce_max(tf.reshape(x, [-1, 8, 8, 1, 3]), -1),
}


@pytest.mark.parametrize("kind", MAXOUTS)
def test_a_maxout_is_a_switch_in_each_spelling(kind):
    assert covered(MAXOUTS[kind]) == ({(kind, "exact"): 1}, True)


def test_a_maximum_with_a_floor_is_no_maxout():
    assert covered(lambda x: tf.maximum(x, 0.2)) == ({("maximum", "unruled"): 1}, False)


LINEAR = {
    "weights": lambda x: (x * WEIGHTS + 0.5) / WEIGHTS - x,
    "arrangement": lambda x: tf.reverse(tf.concat([x[:, ::2], tf.pad(x, [[0, 0], [0, 1], [0, 0], [0, 0]])], 1), [2]),
    "dropout": lambda x: v1.nn.dropout(x, rate=0.5),
    "shape as a number": lambda x: x * tf.cast(tf.shape(x)[1], tf.float32),
    "attached to no signal": lambda x: x + tf.stop_gradient(tf.square(x)),
    "zeros": lambda x: x * (tf.exp(tf.zeros_like(x)) + 1),
    "mean": lambda x: x - tf.reduce_mean(x, [1, 2], keepdims=True),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_ops_are_not_named(name):
    assert covered(LINEAR[name]) == ({}, True)


def test_a_gate_without_a_signal_of_its_own_is_a_product_of_two_all_the_same():
    assert covered(lambda x: x * tf.cast(x[..., ::-1] > 0.5, tf.float32)) == ({("product", "unruled"): 1}, False)


def test_a_layer_normalisation_by_hand():
    def normalised(x):
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-3) * WEIGHTS

    found, complete = covered(normalised)
    assert not complete
    assert found["product", "unruled"] == 1
    assert found["reciprocal square root", "unruled"] == 1
    assert found["squared difference", "unruled"] == 1


def test_a_batch_normalisation_by_the_statistics_of_its_own_images():
    def normalised(training):
        empty = [] if training else [0.5, 0.5, 0.5]
        return lambda x: tf.raw_ops.FusedBatchNormV3(
            x=x, scale=WEIGHTS, offset=WEIGHTS, mean=empty, variance=empty, is_training=training
        )[0]

    assert covered(normalised(False)) == ({("batch_normalization", "exact"): 1}, True)
    with pytest.warns(FeedWarning, match="influence each other"):
        assert covered(normalised(True))[0] == {("batch_normalization", "unruled"): 1}


@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
def test_an_op_without_a_row_is_unknown_by_its_type(rule):
    function = lambda x: tf.image.adjust_contrast(x, 2.0)  # noqa: E731
    assert covered(function, rule) == ({("AdjustContrastv2", "unknown"): 1}, False)
    assert covered(function, "gradient") == ({("AdjustContrastv2", "exact"): 1}, True)


def test_what_is_beside_the_way_of_signals_is_not_named():
    found = covered(lambda x: tf.reshape(x, tf.concat([tf.shape(x)[:1], tf.reverse(tf.sort([64, 3]), [0])], 0)))
    assert found == ({}, True)


def test_a_placeholder_with_a_default_is_not_named():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder_with_default(np.zeros((1, 8, 8, 3), np.float32), [None, 8, 8, 3], name="image")
        tf.nn.relu(image, name="out")
    found = load(graph, {"image": photo(8)}, image_input="image").coverage("guided", "out")
    assert [(op.kind, op.treatment) for op in found.ops] == [("relu", "rule")]


def test_an_unknown_rule():
    graph = tf.Graph()
    with graph.as_default():
        tf.nn.relu(v1.placeholder(tf.float32, [None, 8, 8, 3], name="image"), name="out")
    with pytest.raises(ValueError, match=r"Expected rule to be one of .* Received: rule='guide'"):
        load(graph, photo(8)).coverage("guide", "out")


def _pooled(x):
    return tf.nn.max_pool2d(x, 2, 2, "SAME", name="pool")


@pytest.mark.parametrize(
    ("function", "rule", "reason"),
    [
        (lambda x: x, "guided", "no max-pool lies on the way"),
        (lambda x: tf.nn.avg_pool2d(x, 2, 2, "SAME"), "guided", "no max-pool lies on the way"),
        (
            lambda x: x + 0 * tf.stop_gradient(tf.image.resize(_pooled(x), [8, 8])),
            "guided",
            "no max-pool lies on the way",
        ),
        (_pooled, "deconvnet", "1 max-pool lies on the way"),
        (lambda x: _pooled(_pooled(x)), "deconvnet", "2 max-pools lie on the way"),
    ],
)
def test_auto_is_the_deconvnet_where_there_are_switches_and_guided_where_there_are_none(function, rule, reason):
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        tf.nn.relu(function(tf.nn.relu(image)), name="out")
        tf.nn.max_pool2d(graph.get_tensor_by_name("out:0"), 2, 2, "SAME", name="beyond")
    network = load(graph, {"image": photo(8)})
    found = network.coverage("auto", "out")
    assert (found.rule, found.reason) == (rule, reason)
    assert found.ops == network.coverage(rule, "out").ops
    assert str(found).startswith(f"{rule} ({reason}): ")
    assert network.coverage(rule, "out").reason == ""
    chosen, wanted = (reconstruct(network, None, "out", rule=each) for each in ("auto", rule))
    assert (chosen.rule, chosen.coverage) == (rule, found)
    np.testing.assert_array_equal(chosen.images, wanted.images)
