"""Traces the gradient functions that a live model gave to its ops; the frozen graph then needs none of its Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..tensorflow_internals import (
    TracedGradient,
    gradient_function,
    recomputes,
    traced_gradient,
    value_of_variable,
)
from .custom_gradients import GRADIENT, LOST, REGISTERED, SENT
from .graphdef import GraphDef, NodeDef, copy_of, data_inputs, node_of, rename
from .inlining import inline_functions

_STATED = "_gradient_op_type"
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")  # of which TensorFlow names the true gradient


def with_custom_gradients(graph_def: GraphDef, graph: Any = None) -> GraphDef:
    """Return the same graph, with the custom gradients of its ops traced, or their loss marked.

    Args:
        graph_def: as the model gives it.
        graph: the live graph that it was made from, or ``None``. A gradient function may take tensors of it.
    """
    library = graph_def.library.function
    if not any(
        _STATED in node.attr for part in (graph_def.node, *(each.node_def for each in library)) for node in part
    ):
        return graph_def
    result = GraphDef.FromString(graph_def.SerializeToString())
    _mark(result.node, graph, live=graph is not None)
    for function in result.library.function:
        _mark(function.node_def, None, live=graph is not None)
    return result


def _mark(nodes: Sequence[NodeDef], graph: Any, *, live: bool) -> None:
    """Mark nodes, in place. The names in a graph that is not live may be those of other functions in this process."""
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        stated = node.attr[_STATED].s.decode() if _STATED in node.attr else ""
        if not stated or node.op in _CALLS or (node.op == "IdentityN" and _is_silu(node, by_name)):
            continue
        if not live or not _is_registered(stated):
            node.attr[LOST].b = True
        elif node.op == "IdentityN":
            _mark_identity(node, stated, graph)
        else:
            node.attr[REGISTERED].s = stated.encode()


def _is_silu(node: NodeDef, nodes: Mapping[str, NodeDef]) -> bool:
    """Return whether this is what ``tf.nn.silu`` leaves. Its own gradient is the true one, in less memory."""
    product = nodes.get(node_of(node.input[0]))
    if product is None or product.op != "Mul":
        return False
    entered = {node_of(each) for each in data_inputs(node)[1:]}
    sources = [node_of(each) for each in data_inputs(product)]
    gates = [name for name in sources if name in nodes and nodes[name].op == "Sigmoid"]
    return len(gates) == 1 and bool(entered & set(sources))


def _is_registered(name: str) -> bool:
    try:
        return gradient_function(name) is not None
    except LookupError:
        return False


def _mark_identity(node: NodeDef, stated: str, graph: Any) -> None:
    """Keep the gradient of an IdentityN in its attributes. Tensors that it takes become inputs of the node."""
    if recomputes(stated):  # the true gradient, by another forward pass
        return
    try:
        traced = traced_gradient(stated, _signals(node, graph), graph)
        gradient, sent, taken = _without_python(traced, graph)
    except Exception:  # a user's Python may raise anything where it is traced apart from its model
        node.attr[LOST].b = True
        return
    node.attr[GRADIENT].s = gradient.SerializeToString()
    node.attr[SENT].list.s.extend(name.encode() for name in sent)
    node.input.extend(tensor.name for tensor in taken)
    node.attr["T"].list.type.extend(tensor.dtype.as_datatype_enum for tensor in taken)


def _signals(node: NodeDef, graph: Any) -> list[tf.TensorSpec]:
    """Return the specs of the signals at the outputs of a node."""
    if graph is not None:
        return [tf.TensorSpec(each.shape, each.dtype) for each in graph.get_operation_by_name(node.name).outputs]
    return [tf.TensorSpec(None, tf.as_dtype(dtype)) for dtype in node.attr["T"].list.type]


def _without_python(traced: TracedGradient, graph: Any) -> tuple[GraphDef, list[str], list[tf.Tensor]]:
    """Return a traced gradient as a graph without function calls and variables.

    Returns:
        The GraphDef; the names of what it sends to each input, '' for nothing; and the tensors of ``graph`` that it
        takes as captured_0, captured_1 ...

    Raises:
        ValueError: it takes tensors of another graph.
    """
    values, names, taken = dict[str, tf.Tensor](), dict[str, str](), list[tf.Tensor]()
    for outer, inner in traced.graph.captures:
        if hasattr(outer, "numpy"):
            values[inner.op.name] = outer
        elif outer.graph is graph:
            names[inner.op.name] = f"captured_{len(taken)}"
            taken.append(outer)
        else:
            raise ValueError(f"Expected tensors of {graph!r}. Received: {outer!r}.")
    flat, moved = inline_functions(traced.graph.as_graph_def())
    frozen = copy_of(flat, [_with_value(node, values) for node in flat.node])
    sent = ["" if each is None else moved.get(each.name, each.name) for each in traced.sent]
    renamed = rename(frozen, lambda name: names.get(name, name))
    return renamed, [each.replace(node_of(each), names.get(node_of(each), node_of(each)), 1) for each in sent], taken


def _with_value(node: NodeDef, values: Mapping[str, tf.Tensor]) -> NodeDef:
    """Return a constant in place of a captured value, or in place of an op that reads a captured variable."""
    if node.op == "ReadVariableOp":
        return _constant(node.name, value_of_variable(values[node_of(node.input[0])]))
    if node.name in values and values[node.name].dtype != tf.resource:
        return _constant(node.name, values[node.name].numpy())
    return node


def _constant(name: str, value: np.ndarray) -> NodeDef:
    node = NodeDef(op="Const", name=name)
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    node.attr["dtype"].type = node.attr["value"].tensor.dtype
    return node
