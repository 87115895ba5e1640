"""Calls, branches and loops of functions, in graphs that come from other processes."""

import numpy as np
import pytest
import tensorflow as tf
from networks import v1
from tensorflow.core.framework.graph_pb2 import GraphDef

from cnnvis_widgets import activations, load, reconstruct
from cnnvis_widgets.engine.graph.inlining import inline_functions
from cnnvis_widgets.errors import GradientError, ModelError

KERNEL = np.arange(1, 13, dtype=np.float32).reshape(1, 1, 3, 4) / 10
IMAGE = np.arange(-6, 6, dtype=np.float32).reshape(1, 2, 2, 3)
CONVOLVED = IMAGE @ KERNEL[0, 0]


def convolve(image):
    return tf.nn.conv2d(image, KERNEL, 1, "VALID", name="conv")


def from_another_process(make, *, renamed=b"elsewhere"):
    """The GraphDef of y = make(x), whose functions this process does not know by their names."""
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, [None, 2, 2, 3], "x")
        tf.identity(make(x), "y")
    content = graph.as_graph_def().SerializeToString()
    assert b"__inference" in content
    return GraphDef.FromString(content.replace(b"__inference", b"__" + renamed))


def test_calls_within_calls_are_found():
    inner = tf.function(lambda t: tf.nn.relu(convolve(t)), autograph=False)
    outer = tf.function(lambda t: inner(t) * 2.0, autograph=False)
    network = load(from_another_process(outer), {"x:0": IMAGE})
    assert [layer.kind for layer in network.layers] == ["convolution", "relu"]
    (found,) = activations(network, None, "r")
    np.testing.assert_allclose(found.values, np.maximum(CONVOLVED, 0), rtol=1e-6)
    (found,) = activations(network, None, "y")
    np.testing.assert_allclose(found.values, 2 * np.maximum(CONVOLVED, 0), rtol=1e-6)


def two_ways(predicate):
    def make(x):
        return tf.cond(predicate(x), lambda: tf.nn.relu(convolve(x)), lambda: convolve(x)[:, :1] * 3.0)

    return from_another_process(tf.function(make, autograph=False))


@pytest.mark.parametrize("sign", [1, -1])
def test_both_ways_of_a_branch_have_layers_and_the_result_is_that_of_one(sign):
    graph_def = two_ways(lambda x: tf.reduce_sum(x) < 0)
    image = sign * IMAGE  # the sum of IMAGE is -6
    network = load(graph_def, {"x:0": image})
    assert [layer.kind for layer in network.layers] == ["convolution", "relu", "convolution"]
    (found,) = activations(network, None, "y")
    wanted = np.maximum(CONVOLVED, 0) if sign == 1 else 3 * (sign * CONVOLVED)[:, :1]
    assert found.values.shape == wanted.shape
    np.testing.assert_allclose(found.values, wanted, rtol=1e-6)
    back = reconstruct(network, None, "y", channels=[1], rule="gradient", seed="ones").images[0, 0]
    taken = (
        (CONVOLVED > 0)[0, ..., 1:2] * np.ones((2, 2, 1)) if sign == 1 else 3.0 * np.float32([[[1], [1]], [[0], [0]]])
    )
    np.testing.assert_allclose(back, taken * KERNEL[0, 0, :, 1], rtol=1e-6)


def test_a_branch_that_the_graph_decides_goes_one_way():
    network = load(two_ways(lambda x: tf.constant(True)), {"x:0": IMAGE})
    assert [layer.kind for layer in network.layers] == ["convolution", "relu"]
    (found,) = activations(network, None, "y")
    np.testing.assert_allclose(found.values, np.maximum(CONVOLVED, 0), rtol=1e-6)


@pytest.mark.parametrize(("index", "factor"), [(0, 1.0), (1, 2.0), (2, 3.0), (7, 3.0)])
def test_each_case_of_a_switch(index, factor):
    def make(x):
        ways = [lambda factor=factor: convolve(x) * factor for factor in (1.0, 2.0, 3.0)]
        return tf.switch_case(tf.cast(tf.reduce_max(x), tf.int32), ways)

    graph_def = from_another_process(tf.function(make, autograph=False))
    image = np.full((1, 2, 2, 3), index, np.float32)
    network = load(graph_def, {"x:0": image})
    assert [layer.kind for layer in network.layers] == ["convolution"] * 3
    (found,) = activations(network, None, "y")
    np.testing.assert_allclose(found.values, factor * (image @ KERNEL[0, 0]), rtol=1e-6)


def test_a_branch_without_layers_stays_one_op():
    """The way that is not taken may be impossible, so it must not be computed."""

    def without(x):
        return tf.cond(tf.shape(x)[1] > 5, lambda: tf.reshape(x, [-1, 7, 7, 3]), lambda: x + 1.0)

    network = load(from_another_process(tf.function(without, autograph=False)), {"x:0": IMAGE}, image_input="x:0")
    ops = [node.op for node in network.runtime.structure.nodes.values()]
    assert "StatelessIf" in ops
    assert "Reshape" not in ops


def test_a_loop_with_calls_and_captured_variables_inside():
    kernel = tf.Variable(KERNEL[..., :3])

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = kernel
            self.step = tf.function(lambda t: tf.nn.conv2d(t, self.kernel, 1, "VALID"), autograph=False)

        @tf.function(input_signature=[tf.TensorSpec([None, 2, 2, 3], tf.float32, "x")], autograph=False)
        def __call__(self, x):
            x = tf.nn.relu(x, name="before")
            _, x = tf.while_loop(lambda index, _: index < 2, lambda index, t: (index + 1, self.step(t)), [0, x])
            return tf.nn.relu(x, name="after")

    module = Module()
    network = load(module.__call__, IMAGE)
    assert [layer.name for layer in network.layers] == ["before", "after"]
    assert str(network.coverage("guided", "after")) == "guided: 2 relu rule, 1 loop exact, 1 convolution exact"
    (found,) = activations(network, None, "after")
    wanted = np.maximum(IMAGE, 0) @ KERNEL[0, 0, :, :3] @ KERNEL[0, 0, :, :3]
    np.testing.assert_allclose(found.values, wanted, rtol=1e-5)
    back = reconstruct(network, None, "after", channels=[0], rule="gradient", seed="ones").images[0, 0]
    product = (KERNEL[0, 0, :, :3] @ KERNEL[0, 0, :, :3])[:, 0]
    np.testing.assert_allclose(back, ((IMAGE > 0) & (wanted[..., :1] > 0))[0] * product, rtol=1e-5)


def test_variables_are_gathered_also_in_loops():
    table = tf.Variable(np.arange(8, dtype=np.float32).reshape(4, 2))

    def make(x):
        index = tf.cast(x[:, 0], tf.int32)
        total = tf.while_loop(lambda i, _: i < 3, lambda i, t: (i + 1, t + tf.gather(table, index)), [0, x])[1]
        return tf.nn.relu(total + tf.gather_nd(table, index[:, None]))

    function = tf.function(make, input_signature=[tf.TensorSpec([None, 2], tf.float32)], autograph=False)
    fed = np.float32([[2, 0.5], [0, 0.25]])
    (found,) = activations(function, fed, "r")
    np.testing.assert_allclose(found.values, fed + 4 * table.numpy()[[2, 0]], rtol=1e-6)


def test_nothing_is_left_of_functions_that_are_not_needed():
    outer = tf.function(lambda t: tf.nn.relu(t), autograph=False)
    graph_def = from_another_process(outer)
    flat, moved = inline_functions(graph_def)
    assert not flat.library.function
    assert [node.op for node in flat.node].count("Relu") == 1
    assert all(tensor.endswith(":0") for tensor in moved.values())


def test_an_op_that_tensorflow_does_not_know_is_named():
    graph_def = from_another_process(tf.function(lambda t: tf.nn.relu(t), autograph=False))
    graph_def.library.function[0].node_def[0].op = "FromSomePackage"
    with pytest.raises(ModelError, match=r"Received: '.*' of type 'FromSomePackage'\. Import the package"):
        load(graph_def)


# ---- TensorFlow 1


def graph_with_an_old_loop(training):
    """relu(x) doubled three times in a loop of TensorFlow 1, perhaps with the ops that train it."""
    v1.disable_control_flow_v2()
    try:
        graph = tf.Graph()
        with graph.as_default():
            x = v1.placeholder(tf.float32, [None, 2, 2, 3], "x")
            weight = v1.get_variable("weight", initializer=np.float32(2), use_resource=False)
            start = tf.nn.relu(x, name="before")
            result = tf.while_loop(lambda i, _: i < 3, lambda i, t: (i + 1, tf.nn.relu(t * weight)), [0, start])[1]
            y = tf.reshape(result, [-1, 2, 2, 3], "y")
            if training:
                v1.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(tf.nn.relu(y)))
    finally:
        v1.enable_control_flow_v2()
    return graph


@pytest.mark.parametrize("training", [False, True])
def test_old_loops_run_and_refuse_gradients_in_words(training):
    graph = graph_with_an_old_loop(training)
    with v1.Session(graph=graph) as session:
        session.run([op for op in graph.get_operations() if op.type == "Assign" and op.name == "weight/Assign"])
        network = load(session, {"x:0": IMAGE})
    assert not [name for name in network.runtime.structure.nodes if "gradients" in name]
    (found,) = activations(network, None, "y")
    np.testing.assert_array_equal(found.values, 8 * np.maximum(IMAGE, 0))
    with pytest.raises(GradientError, match=r"\(Exit\), where a loop of TensorFlow 1 ends.*enable_control_flow_v2"):
        reconstruct(network, None, "y")


def test_references_of_frozen_training_graphs():
    graph_def = GraphDef.FromString(graph_with_an_old_loop(False).as_graph_def().SerializeToString())
    nodes = {node.name: node for node in graph_def.node}
    for node in graph_def.node:  # as freezing by hand leaves them: a constant where the variable was
        if node.op == "Enter" and node.attr["T"].type == tf.float32.as_datatype_enum:
            node.op = "RefEnter"
    weight = nodes["weight"]
    weight.Clear()
    weight.name, weight.op = "weight", "Const"
    weight.attr["dtype"].type = tf.float32.as_datatype_enum
    weight.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.float32(2)))
    nodes["weight/read"].op = "RefIdentity"
    (found,) = activations(graph_def, {"x:0": IMAGE}, "y")
    np.testing.assert_array_equal(found.values, 8 * np.maximum(IMAGE, 0))
