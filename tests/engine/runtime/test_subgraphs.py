"""Subgraphs: the nodes between a feed and some tensors, imported with their values, and their gradient."""

import re

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.graph.freezing import Draft, freeze
from cnnvis_widgets.engine.graph.structure import Structure
from cnnvis_widgets.engine.runtime.subgraphs import (
    gradient_of,
    import_subgraph,
    import_with_gradient,
    subgraph_between,
)
from cnnvis_widgets.errors import FeedError

v1 = tf.compat.v1


@pytest.fixture
def structure() -> Structure:
    """relu(image * weight + gate), and a branch beside it; ``gate`` is a second input."""
    graph = tf.Graph()
    with graph.as_default():
        image, gate = (v1.placeholder(tf.float32, [None, 3], name=name) for name in ("image", "gate"))
        weight = v1.placeholder(tf.float32, [3], name="weight")
        product = tf.multiply(image, weight, name="product")
        tf.nn.relu(tf.add(product, gate, name="sum"), name="out")
        tf.square(product, name="beside")
    draft = Draft(graph.as_graph_def(), lambda names: {}, {"weight": np.float32([1, 2, 3])})
    return Structure(freeze(draft), {"image", "gate"})


def names(nodes: list) -> list[str]:
    return [node.name for node in nodes]


def test_a_subgraph_has_the_nodes_between_and_the_weights_that_they_take(structure: Structure) -> None:
    subgraph = subgraph_between(structure, {"weight:0"}, {"image:0"}, ["beside:0"])
    assert names(subgraph.nodes) == ["product", "beside"]
    assert set(subgraph.weights) == {"weight:0"}
    assert subgraph.nodes[0] is not structure.nodes["product"], "the network's own nodes must not change"


def test_it_begins_where_something_is_fed(structure: Structure) -> None:
    subgraph = subgraph_between(structure, {"weight:0"}, {"product:0", "gate:0"}, ["out:0", "product:0"])
    assert names(subgraph.nodes) == ["sum", "out"]
    assert not subgraph.weights


def test_a_placeholder_that_is_not_fed_is_named(structure: Structure) -> None:
    message = "Received: none for 'gate' (float32 ? × 3). Add it to the feed, such as {'gate:0': value}."
    with pytest.raises(FeedError, match=re.escape(message)):
        subgraph_between(structure, {"weight:0"}, {"image:0"}, ["out:0"])


def test_an_imported_subgraph_computes_its_tensors_in_their_order(structure: Structure) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        inputs = {"image:0": tf.constant([[1.0, 1, 1]]), "gate:0": tf.constant([[0.0, -9, 0]])}
        subgraph = subgraph_between(structure, {"weight:0"}, inputs, ["out:0", "image:0", "product:0"])
        values = inputs | {"weight:0": tf.constant([1.0, 2, 3])}
        out, image, product = session.run(import_subgraph(subgraph, values, "gradient"))
    np.testing.assert_array_equal(out, np.float32([[1, 0, 3]]))
    np.testing.assert_array_equal(image, np.float32([[1, 1, 1]]))
    np.testing.assert_array_equal(product, np.float32([[1, 2, 3]]))


@pytest.mark.parametrize("uses_image", [False, True])
def test_the_gradient_goes_through_the_subgraph_and_beside_it(structure: Structure, uses_image: bool) -> None:
    """d/dx of sum(relu(2 x * weight + gate)), plus that of sum(5 * 2 x), with 2 x as the image."""
    with tf.Graph().as_default(), v1.Session() as session:
        variable = tf.constant([[1.0, 1, 1]])
        image = 2 * variable
        inputs = {"image:0": image, "gate:0": tf.constant([[0.0, -9, 0]])}
        subgraph = subgraph_between(structure, {"weight:0"}, inputs, ["out:0"])
        values = inputs | {"weight:0": tf.constant([1.0, 2, 3])}
        imported = import_with_gradient(subgraph, values, "image:0", structure.shapes)
        score = tf.reduce_sum(imported.tensors[0]) + (5 * tf.reduce_sum(image) if uses_image else 0)
        gradient = session.run(gradient_of(score, variable, image, [imported]))
    expected = np.float32([[2, 0, 6]]) + (10 if uses_image else 0)
    assert gradient.dtype == np.float32
    np.testing.assert_array_equal(gradient, expected)


def test_the_gradient_of_what_does_not_depend_on_the_variable_is_zero(structure: Structure) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        variable = tf.constant([[1.0, 1, 1]])
        gradient = session.run(gradient_of(tf.constant(3.0) * 2, variable, variable * 2, []))
    np.testing.assert_array_equal(gradient, np.zeros((1, 3), np.float32))
