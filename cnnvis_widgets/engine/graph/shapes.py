"""The static shapes of the tensors of a frozen graph, as TensorFlow infers them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import tensorflow as tf

from ...errors import ModelError
from ..ops.gradient_nodes import Shapes
from .freezing import FrozenGraph
from .graphdef import NodeDef, data_inputs, node_of, tensor_of


def static_shapes(frozen: FrozenGraph, fed: Mapping[str, Sequence[int | None]] | None = None) -> Shapes:
    """Return dtype and static shape of every tensor, as TensorFlow infers them.

    Args:
        frozen: the graph.
        fed: shapes of inputs, by tensor name, which may say more than the graph does.

    Raises:
        ModelError: this TensorFlow cannot import the graph.
    """
    graph = tf.Graph()
    referred = {tensor_of(input_name) for node in frozen.graph_def.node for input_name in data_inputs(node)}
    # to look up a missing key in a protocol buffer would add it
    dtypes = {tensor_of(node.name): node.attr["dtype"].type for node in frozen.graph_def.node if "dtype" in node.attr}
    try:
        with graph.as_default():
            inputs = {
                tensor: tf.compat.v1.placeholder(dtypes[tensor], shape, name="fed")
                for tensor, shape in (fed or {}).items()
                if tensor in referred and tensor in dtypes
            }
            tf.graph_util.import_graph_def(frozen.graph_def, inputs, name="")
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise ModelError(f"Expected a graph that TensorFlow {tf.__version__} can import. Received: {error}") from error
    return _shapes_in(graph)


def shapes_of_part(nodes: Collection[NodeDef], known: Shapes) -> Shapes:
    """Return dtype and static shape of the tensors of some nodes.

    Args:
        nodes: of a graph, each after its inputs.
        known: dtype and shape of what they take from other nodes, by tensor name.
    """
    if not nodes:
        return {}
    names = {node.name for node in nodes}
    references = {reference for node in nodes for reference in data_inputs(node)}
    entered = {tensor_of(reference) for reference in references if node_of(reference) not in names}
    graph = tf.Graph()
    with graph.as_default():
        fed = {tensor: tf.compat.v1.placeholder(*known[tensor], name="fed") for tensor in entered}
        tf.graph_util.import_graph_def(tf.compat.v1.GraphDef(node=nodes), fed, name="")
    return {tensor: shape for tensor, shape in _shapes_in(graph).items() if node_of(tensor) in names}


def _shapes_in(graph: tf.Graph) -> Shapes:
    return {
        tensor.name: (tensor.dtype, None if tensor.shape.rank is None else tuple(tensor.shape.as_list()))
        for op in graph.get_operations()
        for tensor in op.outputs
    }
