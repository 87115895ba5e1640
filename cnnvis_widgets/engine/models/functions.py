"""A traced function of TensorFlow 2 -> a ``Draft``: its graph, and the variables that it captured."""

from __future__ import annotations

from collections.abc import Sequence
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

    return Draft(graph_def, read, values, inputs, outputs)


def _read(handle: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.as_dtype(dtype_of_variable(handle)))
