"""Reads what TensorFlow 1 knows: graphs, sessions and GraphDef files. ``checkpoints`` reads the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf

from ...errors import VariableError
from ..graph.freezing import Draft
from ..graph.graphdef import GraphDef, Value, parsed, parsed_text, tensor_of
from .initial_values import initial_values
from .soundness import require_room
from .tracing import Request

v1 = tf.compat.v1


def draft_of_default(request: Request) -> Draft:
    """Read the default session, or else the default graph."""
    session = v1.get_default_session()
    return _of_session(session) if session is not None else _of_graph(v1.get_default_graph(), request)


def read_graph(model: Any, request: Request) -> Draft | None:
    """Read a tf.Graph; anything else gives ``None``. The default session provides the values if it has this graph."""
    return _of_graph(model, request) if isinstance(model, tf.Graph) else None


def read_graph_def(model: Any, request: Request) -> Draft | None:
    """Read a GraphDef or a MetaGraphDef; anything else gives ``None``."""
    if isinstance(model, v1.MetaGraphDef):
        return _of_graph_def(model.graph_def, request)
    return _of_graph_def(model, request) if isinstance(model, GraphDef) else None


def read_session(model: Any, request: Request) -> Draft | None:
    """Read a session with its graph; anything else gives ``None``."""
    is_session = isinstance(getattr(model, "graph", None), tf.Graph) and hasattr(model, "run")
    return _of_session(model) if is_session else None


def read_graph_file(path: Path, request: Request) -> Draft | None:
    """Read a file with a GraphDef or a MetaGraphDef, binary or text; any other path gives ``None``."""
    if not path.is_file():
        return None
    require_room(2 * path.stat().st_size, f"the file {str(path)!r}")
    content = path.read_bytes()
    graph_def = parsed(GraphDef(), content)
    if graph_def is not None and any(node.op for node in graph_def.node):
        return _of_graph_def(graph_def, request)
    meta = parsed(v1.MetaGraphDef(), content)
    if meta is not None and meta.graph_def.node:
        return _of_graph_def(meta.graph_def, request)
    text = parsed_text(content)
    return _of_graph_def(text, request) if text is not None else None


# ---- graphs and sessions


def _of_graph(graph: tf.Graph, request: Request) -> Draft:
    session = v1.get_default_session()
    if session is not None and session.graph is graph:
        return _of_session(session)
    return replace(_of_graph_def(graph.as_graph_def(), request), graph=graph)


def _of_graph_def(graph_def: GraphDef, request: Request) -> Draft:
    return Draft(graph_def, lambda names: initial_values(graph_def, names, trusted=request.trusted))


def _of_session(session: Any) -> Draft:
    return Draft(session.graph.as_graph_def(), lambda names: session_values(session, names), graph=session.graph)


def session_values(session: Any, names: Sequence[str]) -> dict[str, Value]:
    """Return the values of variables in a session, by node name.

    Raises:
        VariableError: a variable has no value yet, or the graph never reads it.
    """
    fetches = {name: _read_of(session.graph, name) for name in names}
    try:
        return session.run(fetches)
    except tf.errors.FailedPreconditionError as error:
        raise VariableError(
            f"Expected a session whose variables have values. Received: {error.message.splitlines()[0]} "
            "Run the initializer or restore a checkpoint in this session first."
        ) from error


def _read_of(graph: tf.Graph, name: str) -> tf.Tensor:
    """Return a tensor of the graph that holds the value of a variable. Adding a read would change the user's graph.

    A read of the graph is fetched where there is one, since TensorFlow copies a variable twice that is fetched itself.
    """
    variable = graph.get_tensor_by_name(tensor_of(name))
    kind = "ReadVariableOp" if variable.dtype == tf.resource else "Identity"
    # a read with control inputs could run a training step
    reads = [op for op in variable.consumers() if op.type == kind and not op.control_inputs]
    if not reads and variable.dtype == tf.resource:
        raise VariableError(
            f"Expected an op that reads the variable. Received: {name!r}, which this graph never reads "
            "by itself. Save a checkpoint and pass its path."
        )
    return reads[0].outputs[0] if reads else variable
