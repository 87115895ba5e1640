"""Activation functions in every spelling against their twins, and who obeys a rule."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles import RECTIFIED, Activation, Affine, Chain, Concat, Convolution, Windows
from oracles.comparison import compare, compare_spelled, normal, same
from oracles.in_tensorflow import ACTIVATIONS, graph_of, spell

from cnnvis_widgets import load, reconstruct

RELU = Activation("relu")


MIXED = Convolution(normal(1, 1, 4, 3), Windows((1, 1)))
SIGNED = 4 * normal(1, 5, 6, 4)


def below_weights(function):
    """A graph of ``function`` under a layer of signed weights, so that signals of both signs meet it."""
    return graph_of(lambda image: spell(MIXED, function(image)), SIGNED.shape[1:])


@pytest.mark.parametrize("name", [*RECTIFIED, *ACTIVATIONS])
def test_activation(name):
    twin = Activation(name, 0.3)
    network = compare(below_weights(lambda x: spell(twin, x)), Chain((twin, MIXED)), SIGNED)
    for rule, treatment in (("deconvnet", "rule"), ("guided", "rule"), ("gradient", "exact")):
        expected = treatment if name in RECTIFIED or rule == "gradient" else "unruled"
        ops = [op for op in network.coverage(rule, "out").ops if op.kind != "convolution"]
        assert [(op.count, op.treatment) for op in ops] == [(1, expected)]


CEILINGS = np.array([1.0, 2.0, 3.0, 4.0])
SLOPES = np.array([0.1, -0.2, 0.3, 0.4])
FROZEN = {
    "prelu by absolute value": ("prelu", lambda x: tf.nn.relu(x) + SLOPES * (x - tf.abs(x)) * 0.5),
    "prelu by minimum": ("prelu", lambda x: tf.nn.relu(x) + SLOPES * tf.minimum(x, 0)),
    "leaky by maximum": ("leaky_relu", lambda x: tf.maximum(0.3 * x, x)),
    "gelu by hand": ("gelu", lambda x: 0.5 * x * (1 + tf.math.erf(x / np.sqrt(2)))),
    "silu by hand": ("silu", lambda x: x * tf.sigmoid(x)),
    "hard swish divided": ("hard_swish", lambda x: x * tf.nn.relu6(x + 3) / 6),
}


@pytest.mark.parametrize("spelling", FROZEN)
def test_activation_frozen_into_several_ops(spelling):
    name, function = FROZEN[spelling]
    twin = Activation(name, SLOPES if name == "prelu" else 0.3)
    compare(below_weights(function), Chain((twin, MIXED)), SIGNED)


def _shifted_ceiling(scale):
    """ReLU6 of a sum with a constant, times a constant, as a hard sigmoid is, but with constants of its own."""
    return lambda x: tf.nn.relu6(x + np.array([0.5, -1, 2, 3])) * scale


@pytest.mark.parametrize("scale", [0.5, np.array([1.0, -0.5, 2, 0.1])], ids=["scalar", "per channel"])
def test_a_biased_relu6_before_a_scale_is_no_hard_sigmoid(scale):
    """Such as a bias, a ReLU6 and a batch normalisation spelled out."""
    twin = Chain((Affine(1.0, np.array([0.5, -1, 2, 3])), Activation("relu6"), Affine(scale), MIXED))
    compare(below_weights(_shifted_ceiling(scale)), twin, SIGNED)


def test_a_relu_that_a_prelu_shares_with_others_still_obeys():
    def function(x):
        rectified = tf.nn.relu(x)
        return tf.concat([rectified + SLOPES * -tf.nn.relu(-x), rectified], -1)

    mixed = Convolution(normal(1, 1, 8, 3), Windows((1, 1)))
    twin = Chain((Concat((Activation("prelu", SLOPES), RELU)), mixed))
    compare(graph_of(lambda image: spell(mixed, function(image)), (5, 6, 4)), twin, SIGNED)


@pytest.mark.parametrize("upper", ["prelu", "leaky_relu"])
def test_a_prelu_directly_on_a_prelu_obeys_as_well(upper):
    def function(x):
        below = spell(Activation("prelu", SLOPES), x)
        return spell(Activation("prelu", SLOPES), below) if upper == "prelu" else tf.maximum(0.3 * below, below)

    above = Activation(upper, SLOPES if upper == "prelu" else 0.3)
    compare(below_weights(function), Chain((Activation("prelu", SLOPES), above, MIXED)), SIGNED)


UNUSUAL = {
    "prelu subtracted": ("prelu", lambda x: tf.nn.relu(x) - SLOPES * tf.nn.relu(-x)),
    "prelu by selection": ("prelu", lambda x: tf.where(x > 0, x, SLOPES * x)),
    "prelu by maximum": ("prelu", lambda x: tf.maximum(x, 0) + SLOPES * tf.minimum(x, 0)),
    "leaky by selection": ("leaky_relu", lambda x: tf.where(x > 0, x, 0.3 * x)),
    "relu by maximum": ("relu", lambda x: tf.maximum(x, 0)),
    "relu6 by clipping": ("relu6", lambda x: tf.clip_by_value(x, 0, 6)),
    "relu6 by minimum": ("relu6", lambda x: tf.minimum(tf.maximum(x, 0), 6)),
    "relu6 by maximum": ("relu6", lambda x: tf.maximum(tf.minimum(x, 6), 0)),
}


@pytest.mark.parametrize("spelling", UNUSUAL)
def test_activation_spelled_unusually_obeys_as_one_unit(spelling):
    name, function = UNUSUAL[spelling]
    twin = Activation(name, SLOPES if name == "prelu" else 0.3)
    network = compare(below_weights(function), Chain((twin, MIXED)), SIGNED)
    assert sum(op.treatment == "rule" for op in network.coverage("deconvnet", "out").ops) == 1
    assert network.coverage("deconvnet", "out").complete


SPELLED = {
    "clipped by Keras": ("clipped_relu", 4.0, lambda x: keras.activations.relu(x, max_value=4.0)),
    "clipped at 1": ("clipped_relu", 1.0, lambda x: tf.clip_by_value(x, 0, 1)),
    "clipped per channel": ("clipped_relu", CEILINGS, lambda x: tf.minimum(tf.nn.relu(x), CEILINGS)),
    "clipped and leaky": ("clipped_leaky_relu", 4.0, lambda x: keras.activations.relu(x, 0.1, max_value=4.0)),
    "relu by a mask": ("relu", 0.0, lambda x: x * tf.cast(x > 0, x.dtype)),
    "relu by selection": ("relu", 0.0, lambda x: tf.where(x > 0, x, tf.zeros_like(x))),
    "relu by a mask apart": ("relu", 0.0, lambda x: x * tf.stop_gradient(tf.cast(x >= 0, x.dtype))),
    "relu by a mask, NaN or not": ("relu", 0.0, lambda x: tf.math.multiply_no_nan(x, tf.cast(x > 0, x.dtype))),
    "relu by selection of 0": ("relu", 0.0, lambda x: tf.where(x < 0, tf.zeros_like(x), x)),
    "relu by selection, denied": ("relu", 0.0, lambda x: tf.where(tf.logical_not(x > 0), tf.zeros_like(x), x)),
    "relu by subtraction": ("relu", 0.0, lambda x: x - tf.minimum(x, 0)),
    "relu by a minimum": ("relu", 0.0, lambda x: -tf.minimum(-x, 0)),
    "relu by absolute value": ("relu", 0.0, lambda x: 0.5 * (x + tf.abs(x))),
    "thresholded by a mask": ("thresholded_relu", 1.5, lambda x: x * tf.cast(x > 1.5, x.dtype)),
    "thresholded by Keras": ("thresholded_relu", 1.5, lambda x: keras.activations.relu(x, threshold=1.5)),
    "celu": ("celu", 0.7, lambda x: keras.activations.celu(x, 0.7)),
    "celu by hand": ("celu", 1.0, lambda x: tf.nn.relu(x) + tf.exp(tf.minimum(x, 0)) - 1),
    "softplus by hand": ("softplus", 0.0, lambda x: tf.maximum(x, 0) + tf.math.log1p(tf.exp(-abs(x)))),
    "squareplus": ("squareplus", 4.0, keras.activations.squareplus),
    "hard sigmoid": ("hard_sigmoid", 0.0, keras.activations.hard_sigmoid),
    "hard sigmoid by clipping": ("hard_sigmoid", 0.0, lambda x: tf.clip_by_value(x / 6 + 0.5, 0, 1)),
    "hard swish by clipping": ("hard_swish", 0.0, lambda x: x * tf.clip_by_value(x + 3, 0, 6) / 6),
    "hard swish by minimum": ("hard_swish", 0.0, lambda x: x * tf.minimum(tf.nn.relu(x + 3), 6) * (1 / 6)),
    "hard swish from a sixth": ("hard_swish", 0.0, lambda x: x / 6 * tf.nn.relu6(x + 3)),
    "hard swish by its gate": ("hard_swish", 0.0, lambda x: x * tf.clip_by_value(x / 6 + 0.5, 0, 1)),
}


@pytest.mark.matrix
@pytest.mark.parametrize("spelling", SPELLED)
def test_a_function_is_treated_alike_in_every_spelling(spelling):
    kind, constant, function = SPELLED[spelling]
    network = compare(below_weights(function), Chain((Activation(kind, constant), MIXED)), SIGNED)
    ops = [(op.kind, op.count) for op in network.coverage("guided", "out").ops if op.kind != "convolution"]
    assert ops == [(kind, 1)]


LOOKALIKES = {
    "l2 normalisation": lambda x: tf.nn.l2_normalize(x, -1),
    "a floor under a norm": lambda x: x / tf.maximum(tf.norm(x, axis=-1, keepdims=True), 1e-9),
    "a mask of other channels": lambda x: x * tf.cast(x[..., ::-1] > 0, x.dtype),
    "a selection by other channels": lambda x: tf.where(x[..., ::-1] < 0, tf.zeros_like(x), x),
    "less what is negative in other channels": lambda x: x - tf.minimum(x[..., ::-1], 0),
    "a floor above 0": lambda x: tf.maximum(x, 1e-4),
    "the larger of x and 2 x": lambda x: tf.maximum(x, 2.0 * x),
    "the larger of x and -x": lambda x: tf.maximum(x, -1.0 * x),
    "a clip to [-1, 1]": lambda x: tf.clip_by_value(x, -1, 1),
    "a slope above 1 in one channel": lambda x: tf.maximum(x, x * np.array([0.1, 0.2, 0.3, 1.5])),
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_looks_like_a_relu_but_is_none_keeps_its_gradient_under_every_rule(name):
    """A recorded gradient of the plain function is the oracle."""
    function = LOOKALIKES[name]
    network = load(below_weights(function), {"image": SIGNED})
    image = tf.constant(SIGNED)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        maps = tf.unstack(spell(MIXED, function(image)), axis=-1)
        scores = [tf.reduce_sum(each * tf.stop_gradient(each)) for each in maps]
    expected = np.stack([tape.gradient(score, image) for score in scores], 1)
    for rule in ("deconvnet", "guided", "gradient"):
        same(reconstruct(network, None, "out", rule=rule, seed="map").images, expected)
        assert not [op for op in network.coverage(rule, "out").ops if op.treatment == "rule"]


def test_smooth_activations_are_said_to_be_exact_and_unruled():
    for name in ("gelu by hand", "silu by hand"):
        kind, function = FROZEN[name]
        coverage = load(below_weights(function)).coverage("guided", "out")
        assert f"1 {kind} unruled" in str(coverage)
        assert not coverage.complete


def _prelu():
    return keras.layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.Constant(0.3))


KERAS_ACTIVATIONS = {
    "layer": ("relu", keras.layers.ReLU),
    "layer with a ceiling": ("relu6", lambda: keras.layers.ReLU(max_value=6.0)),
    "layer with a slope": ("leaky_relu", lambda: keras.layers.ReLU(negative_slope=0.3)),
    "LeakyReLU": ("leaky_relu", lambda: keras.layers.LeakyReLU(negative_slope=0.3)),
    "PReLU": ("prelu", _prelu),
    "ELU": ("elu", keras.layers.ELU),
    "hard_silu": ("hard_swish", lambda: keras.layers.Activation("hard_silu")),
    **{
        name: (name, lambda name=name: keras.layers.Activation(name))
        for name in ("relu", "relu6", "silu", "gelu", "selu")
    },
}


@pytest.mark.parametrize("spelling", KERAS_ACTIVATIONS)
def test_activation_of_keras(spelling):
    name, make = KERAS_ACTIVATIONS[spelling]
    image = keras.Input((5, 6, 4), name="image")
    above = keras.layers.Conv2D(3, 1, use_bias=False, name="out")
    model = keras.Model(image, above(make()(image)))
    above.kernel.assign(MIXED.kernel)
    compare(model, Chain((Activation(name, 0.3), MIXED)), SIGNED.astype(np.float32), tolerance=1e-5)


def test_a_prelu_leaves_the_relus_of_others_alone():
    """A ReLU in front of a PReLU, and one behind it, each obey by themselves."""
    twin = Chain((RELU, Affine(normal(4), normal(4, seed=1)), Activation("prelu", SLOPES), Affine(1.0, -0.2), RELU))
    network = compare_spelled(Chain((twin, MIXED)), normal(1, 5, 6, 4))
    counted = {op.kind: op.count for op in network.coverage("deconvnet", "out").ops if op.treatment == "rule"}
    assert counted == {"relu": 2, "prelu": 1}
