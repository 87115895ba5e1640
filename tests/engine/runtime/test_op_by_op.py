"""A first look runs op by op: the same numbers as the compiled function, and nothing is compiled for it."""

import numpy as np
import pytest
import tensorflow as tf
from networks import keras_cnn, photo, v1

from cnnvis_widgets import activations, load
from cnnvis_widgets.engine.graph.graphdef import NodeDef
from cnnvis_widgets.engine.network.runtime import Runtime
from cnnvis_widgets.engine.runtime.op_by_op import can_run, run_nodes
from cnnvis_widgets.engine.runtime.tracing import as_arrays


def nodes_of(build):
    with tf.Graph().as_default() as graph:
        build()
    return list(graph.as_graph_def().node)


def test_a_first_look_compiles_nothing_and_later_ones_do(monkeypatch):
    network = load(keras_cnn(), photo())
    compiled = []
    monkeypatch.setattr(
        Runtime,
        "compiled",
        lambda self, key, *args, make=Runtime.compiled, **options: (
            compiled.append(key) or make(self, key, *args, **options)
        ),
    )
    first = activations(network)
    assert compiled == []
    second = activations(network)
    assert len(compiled) == 1
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one.values, other.values, rtol=1e-5, atol=1e-6)  # ops that are fused round otherwise
        assert one.values.flags.writeable
        assert other.values.flags.writeable


def test_results_may_be_written_to_and_change_nothing_else():
    network = load(keras_cnn(), photo())
    fed = network.feeds()
    kept = {tensor: array.copy() for tensor, array in fed.items()}
    layers = ["plain", "pool"]
    wanted = [maps.values.copy() for maps in activations(network, None, layers)]
    for _ in range(3):
        found = activations(network, None, layers)
        for maps, values in zip(found, wanted, strict=True):
            np.testing.assert_allclose(maps.values, values, rtol=1e-5, atol=1e-6)
            maps.values[:] = np.nan
    for tensor, array in network.feeds().items():
        np.testing.assert_array_equal(array, kept[tensor])


def test_arrays_outlive_their_tensors_and_never_share_memory():
    tensor = tf.random.stateless_normal([64, 64], [0, 0])
    wanted = tensor.numpy()
    whole, reshaped, half = as_arrays([tensor, tf.reshape(tensor, [-1]), tf.cast(tensor, tf.bfloat16)])
    del tensor
    assert half.dtype.name == "bfloat16"
    reshaped[:] = 0
    np.testing.assert_array_equal(whole, wanted)


def test_ops_with_several_outputs_inputs_and_tensors_taken_twice():
    def build():
        x = v1.placeholder(tf.float32, [2, 4], name="x")
        left, right = tf.split(x, 2, axis=1, name="halves")
        tf.add_n([left, right, right], name="sum")

    nodes = [node for node in nodes_of(build) if node.op != "Placeholder"]
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    total, right = run_nodes(nodes, {"x:0": tf.constant(x)}, ["sum:0", "halves:1"])
    np.testing.assert_array_equal(total, x[:, :2] + 2 * x[:, 2:])
    np.testing.assert_array_equal(right, x[:, 2:])


@pytest.mark.parametrize(
    ("op", "alone"), [("Relu", True), ("RandomUniform", False), ("Merge", False), ("Nothing", False)]
)
def test_what_can_run_alone(op, alone):
    assert can_run(NodeDef(op=op, name="node")) is alone


def test_a_loop_cannot_run_alone():
    def build():
        tf.while_loop(lambda i: i < 3, lambda i: (i + 1,), [v1.placeholder(tf.int32, [], name="x")])

    loops = [node for node in nodes_of(build) if "While" in node.op]
    assert loops
    assert not any(map(can_run, loops))
