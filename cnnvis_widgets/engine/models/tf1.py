"""Reads what TensorFlow 1 knows: graphs, sessions, GraphDef files and checkpoints."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from ...errors import ModelError, VariableError
from ..graph.freezing import Draft
from ..graph.graphdef import GraphDef, NodeDef, Value, ancestors, clean, copy_of, node_of, tensor_of
from .tracing import Arguments

v1 = tf.compat.v1

VARIABLES = ("VarHandleOp", "VariableV2", "Variable")
"""The ops that hold a variable."""


def draft_of_default() -> Draft:
    """Read the default session, or else the default graph."""
    session = v1.get_default_session()
    return _of_session(session) if session is not None else _of_graph(v1.get_default_graph())


def read_graph(model: Any, arguments: Arguments) -> Draft | None:
    """Read a tf.Graph; anything else gives ``None``. The default session provides the values if it has this graph."""
    return _of_graph(model) if isinstance(model, tf.Graph) else None


def read_graph_def(model: Any, arguments: Arguments) -> Draft | None:
    """Read a GraphDef or a MetaGraphDef; anything else gives ``None``."""
    if isinstance(model, v1.MetaGraphDef):
        return _of_graph_def(model.graph_def)
    return _of_graph_def(model) if isinstance(model, GraphDef) else None


def read_session(model: Any, arguments: Arguments) -> Draft | None:
    """Read a session with its graph; anything else gives ``None``."""
    is_session = isinstance(getattr(model, "graph", None), tf.Graph) and hasattr(model, "run")
    return _of_session(model) if is_session else None


def read_graph_file(path: Path, arguments: Arguments) -> Draft | None:
    """Read a file with a GraphDef or a MetaGraphDef, binary or text; any other path gives ``None``."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    graph_def = _parsed(GraphDef(), content)
    if graph_def is not None and any(node.op for node in graph_def.node):
        return _of_graph_def(graph_def)
    meta = _parsed(v1.MetaGraphDef(), content)
    if meta is not None and meta.graph_def.node:
        return _of_graph_def(meta.graph_def)
    text = _parsed_text(content)
    return _of_graph_def(text) if text is not None else None


# ---- graphs and sessions


def _of_graph(graph: tf.Graph) -> Draft:
    session = v1.get_default_session()
    if session is not None and session.graph is graph:
        return _of_session(session)
    return replace(_of_graph_def(graph.as_graph_def()), graph=graph)


def _of_graph_def(graph_def: GraphDef) -> Draft:
    return Draft(graph_def, lambda names: _initial_values(graph_def, names))


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
    """Return a tensor of the graph that holds the value of a variable. Adding a read would change the user's graph."""
    variable = graph.get_tensor_by_name(tensor_of(name))
    if variable.dtype != tf.resource:
        return variable
    # a read with control inputs could run a training step
    reads = [op for op in variable.consumers() if op.type == "ReadVariableOp" and not op.control_inputs]
    if not reads:
        raise VariableError(
            f"Expected an op that reads the variable. Received: {name!r}, which this graph never reads "
            "by itself. Save a checkpoint and pass its path."
        )
    return reads[0].outputs[0]


def _initial_values(graph_def: GraphDef, names: Sequence[str]) -> dict[str, Value]:
    """Return the initial values of variables that start as constants, as pretrained weights often do."""
    nodes = {node.name: node for node in graph_def.node}
    assigned: dict[str, str] = {}
    for node in graph_def.node:
        if node.op in ("Assign", "AssignVariableOp"):
            assigned.setdefault(node_of(node.input[0]), node.input[1])
    known = [name for name in names if name in assigned and _is_constant(nodes, assigned[name])]
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        raise VariableError(
            f"Expected variables with values. Received: a graph without its session, and {len(unknown)} of "
            f"{len(names)} variables start at random or nowhere: {listed}. "
            "Pass the session that holds the values, or the path of the checkpoint."
        )
    warnings.warn(
        f"The graph came without a session: its {len(known)} variables are shown with their constant initial "
        "values. Pass the session to see the current ones.",
        stacklevel=2,
    )
    return _evaluate(graph_def, [assigned[name] for name in known], known)


def _is_constant(nodes: Mapping[str, NodeDef], reference: str) -> bool:
    stateful = {"Placeholder", "PartitionedCall", "StatefulPartitionedCall", *VARIABLES}
    ops = {nodes[name].op for name in ancestors(nodes, [node_of(reference)])}
    return not any(op in stateful or "Random" in op or op == "TruncatedNormal" for op in ops)


def _evaluate(graph_def: GraphDef, references: list[str], names: list[str]) -> dict[str, Value]:
    nodes = {node.name: node for node in graph_def.node}
    needed = ancestors(nodes, [node_of(reference) for reference in references])
    part = clean(copy_of(graph_def, [nodes[name] for name in needed]))
    tensors = [tensor_of(reference) for reference in references]
    function = v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(part, return_elements=tensors, name=""), signature=[]
    )
    return dict(zip(names, function(), strict=True))


# ---- checkpoints


def read_checkpoint(path: Path, arguments: Arguments) -> Draft | None:
    """Read a checkpoint by its prefix, its .meta or .index file, or its directory; any other path gives ``None``.

    It needs no session: the graph is parsed, and the values are read by name.

    Raises:
        ModelError: the .meta file cannot be parsed.
        VariableError: a value is needed and the checkpoint's .index file is not there.
    """
    if path.is_dir():
        meta_file = _newest_meta_path(path)
    elif path.is_file() and not belongs_to_checkpoint(path):
        return None
    else:
        meta_file = meta_path(path)
    if meta_file is None or not meta_file.is_file():
        return None
    meta = _parsed(v1.MetaGraphDef(), meta_file.read_bytes())
    if meta is None:
        raise ModelError(f"Expected a MetaGraphDef. Received: {str(meta_file)!r}, which cannot be parsed.")
    prefix = str(meta_file).removesuffix(".meta")
    return Draft(meta.graph_def, lambda names: _checkpoint_values(prefix, meta.graph_def, names))


def belongs_to_checkpoint(path: Path) -> bool:
    """Return whether the name of a file is that of a part of a checkpoint."""
    return path.name.endswith((".meta", ".index"))


def meta_path(path: Path) -> Path:
    """Return the path of the graph of a checkpoint; ``path`` is its prefix or one of its files."""
    return Path(str(path).removesuffix(".meta").removesuffix(".index") + ".meta")


def _newest_meta_path(directory: Path) -> Path | None:
    """Return the graph of the latest checkpoint in a directory, by its state file or else by time."""
    state = tf.train.get_checkpoint_state(str(directory)) if (directory / "checkpoint").is_file() else None
    if state is not None:
        # the state file may name a directory that is gone
        latest = meta_path(directory / Path(state.model_checkpoint_path).name)
        if latest.is_file():
            return latest
    return max(directory.glob("*.meta"), key=lambda file: (file.stat().st_mtime, file.name), default=None)


def _checkpoint_values(prefix: str, graph_def: GraphDef, names: Sequence[str]) -> dict[str, Value]:
    if not Path(f"{prefix}.index").is_file():
        raise VariableError(
            f"Expected the checkpoint of '{prefix}.meta'. Received: no such file. "
            f"Looked for '{prefix}.index' and '{prefix}.data-00000-of-00001'."
        )
    reader, keys = tf.train.load_checkpoint(prefix), _checkpoint_keys(graph_def)
    return {name: reader.get_tensor(keys.get(name, name)) for name in names if reader.has_tensor(keys.get(name, name))}


def _checkpoint_keys(graph_def: GraphDef) -> dict[str, str]:
    """Return the key under which the graph's own saver stores each variable: its name, unless the user chose others."""
    nodes = {node.name: node for node in graph_def.node}
    keys: dict[str, str] = {}
    for save in (node for node in graph_def.node if node.op == "SaveV2"):
        names = tf.make_ndarray(nodes[node_of(save.input[1])].attr["value"].tensor)
        for key, reference in zip(names, save.input[3:], strict=True):
            variables = [name for name in ancestors(nodes, [node_of(reference)]) if nodes[name].op in VARIABLES]
            if len(variables) == 1:
                keys[variables[0]] = key.decode()
    return keys


def _parsed(message: Message, content: bytes) -> Any:
    try:
        message.ParseFromString(content)
    except DecodeError:
        return None
    return message


def _parsed_text(content: bytes) -> GraphDef | None:
    """Parse a GraphDef or MetaGraphDef that is written as text, as in .pbtxt files; anything else gives ``None``."""
    if not re.match(rb"\s*(#.*\n\s*)*(node|meta_info_def|graph_def|versions|library)\s*:?\s*\{", content):
        return None
    for message in (GraphDef(), v1.MetaGraphDef()):
        try:
            parsed = text_format.Parse(content.decode(), message)
        except (text_format.ParseError, UnicodeDecodeError):
            continue
        return parsed if isinstance(parsed, GraphDef) else parsed.graph_def
    return None
