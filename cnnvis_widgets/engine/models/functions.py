"""Reads functions of TensorFlow 2: a traced function's graph, and the variables that it captured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from ...errors import ModelError
from ..graph.freezing import Draft
from ..graph.graphdef import Value
from ..tensorflow_internals import dtype_of_variable

Arguments: TypeAlias = Callable[[], list[np.ndarray]]
"""Returns the arrays that were fed, in order. A reader calls it only for a model that it has to trace."""


def read_concrete_function(model: Any, arguments: Arguments) -> Draft | None:
    """Read a ConcreteFunction; anything else gives ``None``."""
    return draft_of_function(model) if isinstance(model, tf.types.experimental.ConcreteFunction) else None


def read_function(model: Any, arguments: Arguments) -> Draft | None:
    """Read a tf.function. One without a signature is traced for the arrays that were fed, with any number of images."""
    if not isinstance(model, tf.types.experimental.PolymorphicFunction):
        return None
    if model.input_signature is not None:
        return draft_of_function(model.get_concrete_function())
    specs = [tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in arguments()]
    return draft_of_function(model.get_concrete_function(*specs))


def draft_of_function(function: Any) -> Draft:
    """Read a ConcreteFunction. The draft shares its weights and copies nothing.

    Raises:
        ModelError: the function captures a tensor of another graph, which has no value.
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
    outputs = list(zip(_output_names(function), [tensor.name for tensor in graph.outputs], strict=False))

    def read(names: Sequence[str]) -> dict[str, Value]:
        return {name: _read(handles[name]) for name in names if name in handles and dtype_of_variable(handles[name])}

    renamed = without_clashes([node.name for node in graph_def.node], _variable_names(graph, handles))
    return Draft(graph_def, read, values, inputs, outputs, renamed=renamed)


def without_clashes(nodes: Sequence[str], renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the new names that no other node has.

    Args:
        nodes: the names of all nodes.
        renamed: from some of them to a new name.
    """
    count: dict[str, int] = {}
    for node in nodes:
        for name in {node, renamed.get(node, node)}:
            count[name] = count.get(name, 0) + 1
    return {node: name for node, name in renamed.items() if count[name] == 1}


def _variable_names(graph: Any, handles: Mapping[str, tf.Tensor]) -> dict[str, str]:
    """Return, for the nodes of captured variables, the names of these variables, which users know."""
    try:
        names = {id(variable.handle): variable.name.removesuffix(":0") for variable in graph.variables}
    except AssertionError:  # a variable was garbage-collected: the graph refers to it weakly
        return {}
    return {node: names[id(handle)] for node, handle in handles.items() if id(handle) in names}


def _output_names(function: Any) -> list[str]:
    named = function.structured_outputs
    return sorted(named) if isinstance(named, dict) else [tensor.op.name for tensor in function.graph.outputs]


def _read(handle: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.as_dtype(dtype_of_variable(handle)))
