"""Lean gradients: the same numbers as TensorFlow's own, from a fraction of the ops."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo, v1

from cnnvis_widgets import load
from cnnvis_widgets.engine.backward.gradient_overrides import make_lean
from cnnvis_widgets.engine.runtime.tracing import eagerly

WEIGHTS = {
    "channels": np.array([1.5, -2.0, 0.25], np.float32),
    "plane": np.random.default_rng(0).normal(size=(1, 6, 6, 1)).astype(np.float32),
    "number": np.float32(-3.0),
    "larger": np.random.default_rng(1).normal(size=(2, 1, 6, 6, 3)).astype(np.float32),
}
OPS = {
    "Mul": tf.multiply,
    "AddV2": tf.add,
    "Sub": tf.subtract,
    "RealDiv": tf.divide,
    "BiasAdd": tf.nn.bias_add,
    "Add": lambda x, y: tf.raw_ops.Add(x=x, y=y),
}


@eagerly
def gradients(op, weight, first, lean, size=(None, None, None, 3)):
    """The gradient of an op's output squared by its input, and how many ops it took; by a graph that is imported."""
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, size, name="image")
        constant = tf.constant(weight, name="weight")
        OPS[op](*((image, constant) if first else (constant, image)))
    definition = graph.as_graph_def()
    if lean:
        names = [node.name for node in definition.node if node.name != "weight"]
        make_lean(definition.node, names)
        assert sum("_gradient_op_type" in node.attr for node in definition.node) == 1
    last = definition.node[-1].name
    del definition.node[[node.name for node in definition.node].index("image")]

    def body(given):
        (out,) = tf.graph_util.import_graph_def(definition, {"image:0": given}, [f"{last}:0"])
        before = len(given.graph.get_operations())
        gradient = tf.gradients(tf.square(out), given)[0]
        counts.append(len(given.graph.get_operations()) - before)
        return gradient

    counts = []
    function = v1.wrap_function(body, [tf.TensorSpec(size, tf.float32)])
    return function(tf.constant(photo(6, images=2))).numpy(), counts[0]


CASES = [
    *((op, first, weight) for op in ("Mul", "Add", "AddV2", "Sub") for first in (True, False) for weight in WEIGHTS),
    *(("RealDiv", True, weight) for weight in WEIGHTS),
    ("BiasAdd", True, "channels"),
]


@pytest.mark.parametrize(("op", "first", "weight"), CASES)
def test_a_lean_gradient_is_the_plain_one(op, first, weight):
    plain, many = gradients(op, WEIGHTS[weight], first, lean=False)
    found, few = gradients(op, WEIGHTS[weight], first, lean=True)
    assert found.shape == plain.shape == (2, 6, 6, 3)
    np.testing.assert_array_equal(found, plain)
    assert few <= many
    if weight in ("channels", "number"):
        assert few <= many - (1 if op == "BiasAdd" else 5)


def test_what_depends_on_two_inputs_keeps_its_gradient():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 4], name="image")
        tf.add(image, tf.square(image), name="both")
    definition = graph.as_graph_def()
    make_lean(definition.node, {"image", "Square", "both"})
    assert not any("_gradient_op_type" in node.attr for node in definition.node)


def test_a_normalised_network_has_the_gradient_of_keras():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(name="relu"),
            keras.layers.Rescaling(2.0, 0.5),
            keras.layers.Conv2D(2, 3, name="last"),
        ]
    )
    model.layers[1].set_weights([np.random.default_rng(0).uniform(0.5, 2, 4) for _ in range(4)])
    image = photo(12)
    with tf.GradientTape() as tape:
        given = tf.constant(image)
        tape.watch(given)
        score = tf.reduce_mean(model(given, training=False)[..., 1])
    network = load(model)

    def body(given):
        [out] = network.runtime.build({network.runtime.image_tensor: given}, [network.layer("last").tensor])
        return tf.gradients(tf.reduce_mean(out[..., 1]), given)[0]

    found = network.runtime.compiled("test", body, [tf.TensorSpec([1, 12, 12, 3], tf.float32)])(image)
    np.testing.assert_allclose(found, tape.gradient(score, given), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_a_depthwise_convolution_has_its_gradient_without_that_of_its_kernel(padding):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 2)).astype(np.float32)

    def found(lean):
        graph = tf.Graph()
        with graph.as_default():
            image = v1.placeholder(tf.float32, [None, None, None, 3], name="image")
            weight = tf.constant(kernel, name="weight")
            tf.nn.depthwise_conv2d(image, weight, [1, 2, 2, 1], padding, name="out")
        definition = graph.as_graph_def()
        if lean:
            make_lean(definition.node, {node.name for node in definition.node} - {"weight"})
        last, kinds = definition.node[-1].name, []
        del definition.node[[node.name for node in definition.node].index("image")]

        def body(given):
            (out,) = tf.graph_util.import_graph_def(definition, {"image:0": given}, [f"{last}:0"])
            gradient = tf.gradients(tf.square(out), given)[0]
            kinds.extend(op.type for op in given.graph.get_operations())
            return gradient

        function = v1.wrap_function(body, [tf.TensorSpec([None, None, None, 3], tf.float32)])
        return function(tf.constant(photo(7, images=2))).numpy(), kinds

    (plain, many), (lean, few) = eagerly(found)(False), eagerly(found)(True)
    np.testing.assert_array_equal(lean, plain)
    backward = "DepthwiseConv2dNativeBackpropFilter"
    assert backward in many
    assert backward not in few
