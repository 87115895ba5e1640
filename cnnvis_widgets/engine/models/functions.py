"""A traced function of TensorFlow 2 -> a ``Draft``: its graph, and the variables that it captured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from ...errors import ModelError
from ..graph.freezing import Draft
from ..graph.graphdef import Value
from ..tensorflow_internals import dtype_of_variable


def draft_of_function(function: Any) -> Draft:
    """Read a ConcreteFunction; its weights are shared with it, not copied.

    Raises:
        ModelError: it captures a tensor of another graph, which has no value.
    """
    graph = function.graph
    captured = {inner.op.name: outer for outer, inner in graph.captures}
    for tensor in captured.values():
        if not hasattr(tensor, "numpy"):
            raise ModelError(
                f"Expected a function that captures only values. Received: {function!r}, which captures "
                f"{tensor!r} of another graph. Pass that graph, or its session."
            )
    handles = {name: tensor for name, tensor in captured.items() if tensor.dtype == tf.resource}
    values = {name: tensor for name, tensor in captured.items() if name not in handles}
    graph_def = graph.as_graph_def()
    for node in graph_def.node:
        if node.name in handles:
            node.op = "VarHandleOp"
    inputs = [(tensor.op.name, tensor.name) for tensor in graph.inputs if tensor.op.name not in captured]
    named = function.structured_outputs
    names = sorted(named) if isinstance(named, dict) else [tensor.op.name for tensor in graph.outputs]
    outputs = list(zip(names, [tensor.name for tensor in graph.outputs], strict=False))

    def read(wanted: Sequence[str]) -> dict[str, Value]:
        return {name: _read(handles[name]) for name in wanted if name in handles and dtype_of_variable(handles[name])}

    renamed = without_clashes([node.name for node in graph_def.node], _variable_names(graph, handles))
    return Draft(graph_def, read, values, inputs, outputs, renamed=renamed)


def without_clashes(nodes: Sequence[str], renamed: Mapping[str, str]) -> dict[str, str]:
    """The new names that are not taken by another node."""
    count: dict[str, int] = {}
    for node in nodes:
        for name in {node, renamed.get(node, node)}:
            count[name] = count.get(name, 0) + 1
    return {node: name for node, name in renamed.items() if count[name] == 1}


def _variable_names(graph: Any, handles: Mapping[str, tf.Tensor]) -> dict[str, str]:
    """From the nodes of captured variables to the names of these variables, which are those that users know."""
    try:
        names = {id(variable.handle): variable.name.removesuffix(":0") for variable in graph.variables}
    except AssertionError:  # their owner dropped one; the graph keeps only what it reads of it
        return {}
    return {node: names[id(handle)] for node, handle in handles.items() if id(handle) in names}


def _read(handle: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.as_dtype(dtype_of_variable(handle)))
