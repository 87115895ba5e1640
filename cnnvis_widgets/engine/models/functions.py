"""Reads functions of TensorFlow 2: a traced function's graph, and the variables that it captured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

import tensorflow as tf

from ...errors import ModelError
from ..graph.freezing import Draft
from ..graph.graphdef import Value
from ..tensorflow_internals import dtype_of_variable
from .tracing import Arguments, Request, is_unnamed, traced_by_feed


def read_concrete_function(model: Any, request: Request) -> Draft | None:
    """Read a ConcreteFunction; anything else gives ``None``."""
    return draft_of_function(model) if isinstance(model, tf.types.experimental.ConcreteFunction) else None


def read_function(model: Any, request: Request) -> Draft | None:
    """Read a tf.function. One without a signature is traced for the arrays that were fed, with any number of images."""
    if not isinstance(model, tf.types.experimental.PolymorphicFunction):
        return None
    return _draft_of_traced(model, request.arguments, "the tf.function")


def read_module(model: Any, request: Request) -> Draft | None:
    """Read a tf.Module that can be called; anything else gives ``None``."""
    if not (isinstance(model, tf.Module) and callable(model)):
        return None
    return _draft_of_traced(model.__call__, request.arguments, f"the tf.Module {type(model).__name__}")


def _draft_of_traced(call: Any, arguments: Arguments, name: str) -> Draft:
    if getattr(call, "input_signature", None) is not None:
        return draft_of_function(call.get_concrete_function())
    arrays = arguments()
    parameters = _parameters(call)
    if len(parameters) >= len(arrays) and all(is_unnamed(key) for key in arrays):
        arrays = dict(zip(parameters, arrays.values(), strict=False))
    keys, function = traced_by_feed(call, arrays, name)
    draft = draft_of_function(function)
    return replace(draft, inputs=[(key, tensor) for key, (_, tensor) in zip(keys, draft.inputs or (), strict=True)])


def _parameters(call: Any) -> list[str]:
    """Return the names of what a function takes one by one."""
    parameters = signature(getattr(call, "python_function", call)).parameters.values()
    return [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name != "self"
    ]


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
    return Draft(graph_def, read, values, inputs, outputs, renamed=renamed, graph=graph)


def without_clashes(nodes: Sequence[str], renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the new names that no other node has and an op may have.

    Keras names a layer of the class '_MyLayer' '_my_layer'; no op may be called so.

    Args:
        nodes: the names of all nodes.
        renamed: from some of them to a new name.
    """
    count: dict[str, int] = {}
    for node in nodes:
        for name in {node, renamed.get(node, node)}:
            count[name] = count.get(name, 0) + 1
    return {node: name for node, name in renamed.items() if count[name] == 1 and name[:1].isalnum()}


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
