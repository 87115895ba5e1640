"""Reads checkpoints of TensorFlow 1: the graph from the .meta file, and the values by name, without a session."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from ...errors import ModelError, VariableError
from ..graph.freezing import Draft
from ..graph.graphdef import GraphDef, Value, ancestors, node_of, parsed
from .initial_values import VARIABLES
from .soundness import require_room
from .tracing import Request

v1 = tf.compat.v1

_OBJECTS, _VALUE = "_CHECKPOINTABLE_OBJECT_GRAPH", "VARIABLE_VALUE"  # TensorFlow's names in checkpoints


def read_checkpoint(path: Path, request: Request) -> Draft | None:
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
    require_room(2 * meta_file.stat().st_size, f"the file {str(meta_file)!r}")
    meta = parsed(v1.MetaGraphDef(), meta_file.read_bytes())
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
    return values_of_variables(prefix, graph_def, names)


def values_of_variables(prefix: str, graph_def: GraphDef, names: Sequence[str]) -> dict[str, Value]:
    """Return the values in a checkpoint of those of these variables that it holds, by node name.

    Args:
        prefix: of the checkpoint.
        graph_def: the graph to which the variables belong, with its saver.
        names: of the variables.

    Raises:
        ModelError: the checkpoint is damaged or does not fit into memory.
    """
    keys = _checkpoint_keys(graph_def)
    return values_under_keys(prefix, {name: keys.get(name, name) for name in names})


def values_under_keys(prefix: str, keys: Mapping[str, str]) -> dict[str, Value]:
    """Return the values in a checkpoint under those of these keys that it has.

    The largest is read first. TensorFlow keeps memory that was freed in pieces, of which the largest may else be taken
    in part for small values, when the same file is loaded again.

    Args:
        prefix: of the checkpoint.
        keys: from the names in the result to those in the checkpoint.

    Raises:
        ModelError: the checkpoint is damaged or does not fit into memory.
    """
    reader = open_checkpoint(prefix)
    shapes = reader.get_variable_to_shape_map()
    names = sorted((name for name in keys if keys[name] in shapes), key=lambda name: -prod(shapes[keys[name]]))
    try:
        return {name: reader.get_tensor(keys[name]) for name in names}
    except (tf.errors.OpError, ValueError) as error:
        raise _damaged(prefix, str(error)) from error


def keys_of_objects(prefix: str, root: Any) -> dict[int, str]:
    """Return the keys under which a checkpoint of TensorFlow 2 stores variables, by the ``id`` of their handles.

    Args:
        prefix: of the checkpoint.
        root: the object that was stored, or one built like it. Its variables need no values.
    """
    stored = TrackableObjectGraph.FromString(open_checkpoint(prefix).get_tensor(_OBJECTS))
    view, keys = tf.train.TrackableView(root), dict[int, str]()
    seen, pending = set[int](), [(root, 0)]
    while pending:
        value, number = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        key = next((each.checkpoint_key for each in stored.nodes[number].attributes if each.name == _VALUE), None)
        if key is not None and isinstance(value, tf.Variable):
            keys[id(value.handle)] = key
        children = view.children(value)
        pending += [
            (children[child.local_name], child.node_id)
            for child in stored.nodes[number].children
            if child.local_name in children
        ]
    return keys


def open_checkpoint(prefix: str) -> Any:
    """Open a checkpoint, after a look at the sizes that it states.

    Raises:
        ModelError: it cannot be read, states more bytes than its files have, or does not fit into memory.
    """
    try:
        reader = tf.train.load_checkpoint(prefix)
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    except (tf.errors.OpError, ValueError) as error:
        raise _damaged(prefix, str(error)) from error
    if any(size < 0 for shape in shapes.values() for size in shape):
        raise _damaged(prefix, "a size below zero")
    stated = sum(prod(shape) * (dtypes[key].size or 0) for key, shape in shapes.items() if dtypes[key] != tf.string)
    held = sum(Path(name).stat().st_size for name in glob.glob(f"{glob.escape(prefix)}.data-*"))
    if stated > held:
        raise _damaged(prefix, f"it states {stated:,} bytes, and its data files have {held:,}")
    require_room(stated, f"the checkpoint {prefix!r}")
    return reader


def _damaged(prefix: str, reason: str) -> ModelError:
    return ModelError(
        f"Expected a whole checkpoint. Received: {prefix!r}: {reason.rstrip('.')}. Copy or download it again."
    )


def _checkpoint_keys(graph_def: GraphDef) -> dict[str, str]:
    """Return the key under which the graph's own saver stores each variable: its name, unless the user chose others."""
    nodes = {node.name: node for node in graph_def.node}
    keys: dict[str, str] = {}
    for save in (node for node in graph_def.node if node.op == "SaveV2"):
        stated = nodes.get(node_of(save.input[1])) if len(save.input) > 1 else None
        if stated is None or "value" not in stated.attr:
            continue
        for key, reference in zip(tf.make_ndarray(stated.attr["value"].tensor), save.input[3:], strict=False):
            variables = [name for name in ancestors(nodes, [node_of(reference)]) if nodes[name].op in VARIABLES]
            if len(variables) == 1:
                keys[variables[0]] = key.decode()
    return keys
