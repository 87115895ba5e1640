"""Walks over a graph, by hand on a small one, and weights that leave it."""

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.graph.freezing import detach_weights
from cnnvis_widgets.engine.graph.graphdef import (
    GraphDef,
    NodeDef,
    ancestors,
    consumers_of,
    descendants,
    in_order,
    node_of,
    rename,
    rewire,
    tensor_of,
)

EDGES = {"a": [], "b": ["a"], "c": ["a:1", "^b"], "d": ["b", "c", "b:0"], "e": []}


@pytest.fixture
def nodes() -> dict[str, NodeDef]:
    return {name: NodeDef(op="NoOp", name=name, input=inputs) for name, inputs in EDGES.items()}


def test_references_name_nodes_and_tensors() -> None:
    assert [tensor_of(reference) for reference in ("conv", "conv:1")] == ["conv:0", "conv:1"]
    assert [node_of(reference) for reference in ("conv", "conv:1", "^conv")] == ["conv"] * 3


def test_ancestors_follow_all_inputs_and_stop_at_tensors(nodes: dict[str, NodeDef]) -> None:
    assert ancestors(nodes, ["c"]) == {"a", "b", "c"}
    assert ancestors(nodes, ["d"], stop=["b:0"]) == {"a", "b", "c", "d"}, "the control edge to b is no tensor"
    assert ancestors(nodes, ["d"], stop=["b:0", "c:0"]) == {"d"}
    assert ancestors(nodes, ["missing"]) == set()


def test_consumers_and_descendants_follow_data_only(nodes: dict[str, NodeDef]) -> None:
    consumers = consumers_of(nodes.values())
    assert consumers == {"a": ["b", "c"], "b": ["d", "d"], "c": ["d"]}
    assert descendants(consumers, ["a"]) == {"a", "b", "c", "d"}
    assert descendants(consumers, ["b", "e"]) == {"b", "d", "e"}


def test_nodes_come_after_their_inputs(nodes: dict[str, NodeDef]) -> None:
    turned = {name: nodes[name] for name in reversed(nodes)}
    assert [node.name for node in in_order(turned)] == ["e", "a", "b", "c", "d"]


def test_references_are_rewired_and_renamed(nodes: dict[str, NodeDef]) -> None:
    rewire(nodes.values(), {"b:0": "e"})
    assert list(nodes["d"].input) == ["e", "c", "e"]
    assert list(nodes["c"].input) == ["a:1", "^b"], "control edges stay"
    renamed = rename(GraphDef(node=[nodes["a"], nodes["d"]]), str.upper)
    assert [(node.name, list(node.input)) for node in renamed.node] == [("A", []), ("D", ["E", "C", "E"])]
    assert nodes["d"].name == "d", "the graph that was given stays as it is"


def test_variables_and_large_constants_leave_the_graph() -> None:
    graph = tf.Graph()
    with graph.as_default():
        variable = tf.raw_ops.VarHandleOp(shape=[2], dtype=tf.float32, name="variable")
        tf.raw_ops.ReadVariableOp(resource=variable, dtype=tf.float32, name="read")
        tf.constant(np.zeros(255, np.float32), name="small")
        tf.constant(np.arange(256, dtype=np.float32), name="large")
        tf.constant(np.arange(256), name="integers")
    before = graph.as_graph_def()
    detached, weights = detach_weights(before, {"variable": np.float32([1, 2])})
    assert before == graph.as_graph_def()
    assert {name: value.shape for name, value in weights.items()} == {"variable": (2,), "large": (256,)}
    np.testing.assert_array_equal(weights["large"], np.arange(256, dtype=np.float32))
    ops = {node.name: node.op for node in detached.node}
    assert ops == {
        "variable": "Placeholder",
        "read": "Identity",
        "small": "Const",
        "large": "Placeholder",
        "integers": "Const",
    }
