"""Reads SavedModels, from a directory or loaded. Those of old versions need the loader of TensorFlow 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from ...errors import ModelError
from ..graph.freezing import Draft
from .functions import draft_of_function
from .tf1 import VARIABLES, session_values
from .tracing import Arguments

v1 = tf.compat.v1
_FILES = ("saved_model.pb", "saved_model.pbtxt")
_FIRST_BYTE = b"\x08"  # a SavedModel starts with its schema version, a GraphDef with a node


def read_object(model: Any, arguments: Arguments) -> Draft | None:
    """Read what ``tf.saved_model.load`` returns; anything else gives ``None``."""
    if not (hasattr(model, "signatures") and hasattr(model, "tensorflow_version")):
        return None
    return _from_signatures(model, "the loaded SavedModel")


def read_path(path: Path, arguments: Arguments) -> Draft | None:
    """Read a SavedModel directory, or its ``saved_model.pb``; any other path gives ``None``.

    Raises:
        ModelError: neither loader of TensorFlow can read it.
    """
    directory = _directory(path)
    if directory is None:
        return None
    try:
        return _from_signatures(tf.saved_model.load(str(directory)), str(directory))
    except ModelError:
        raise
    except Exception as error:  # only the loader of TensorFlow 1 can read some old exports
        return _from_v1(directory, error)


def _directory(path: Path) -> Path | None:
    """Return the directory of the SavedModel that a path means."""
    if path.is_dir():
        return path if any((path / name).is_file() for name in _FILES) else None
    if path.name not in _FILES or not path.is_file():
        return None
    with path.open("rb") as file:
        return path.parent if path.suffix == ".pbtxt" or file.read(1) == _FIRST_BYTE else None


def _from_signatures(loaded: Any, origin: str) -> Draft:
    signatures = dict(loaded.signatures)
    if not signatures:
        return draft_of_function(_only_function(loaded, origin))
    name = next((key for key in ("serving_default", "serve") if key in signatures), min(signatures))
    return draft_of_function(signatures[name])


def _only_function(loaded: Any, origin: str) -> Any:
    """Return the one traced function of a SavedModel without signatures, such as a saved tf.Module."""
    names = [name for name in dir(loaded) if name == "__call__" or not name.startswith("_")]
    functions = {name: getattr(getattr(loaded, name, None), "concrete_functions", None) for name in names}
    traced = {name: function for name, function in functions.items() if function}
    chosen = traced.get("__call__") or (next(iter(traced.values())) if len(traced) == 1 else [])
    if len(chosen) != 1:
        listed = ", ".join(f"{name} ({len(function)} traces)" for name, function in traced.items()) or "none"
        raise ModelError(
            f"Expected a SavedModel with a signature, or with one function that was traced once. Received: {origin} "
            f"with functions: {listed}. Export it with model.export(path), or pass one function: "
            "tf.saved_model.load(path).name.concrete_functions[0]."
        )
    return chosen[0]


def _from_v1(directory: Path, cause: Exception) -> Draft:
    graph = tf.Graph()
    try:
        with graph.as_default(), v1.Session(graph=graph) as session:
            v1.saved_model.load(session, ["serve"], str(directory))
            names = [op.name for op in graph.get_operations() if op.type in VARIABLES]
            values = session_values(session, names) if names else {}
    except Exception as error:
        raise ModelError(
            f"Expected a SavedModel that TensorFlow {tf.__version__} can load. "
            f"Received: {str(directory)!r}: {cause}; and the loader of TensorFlow 1: {error}"
        ) from error
    return Draft(graph.as_graph_def(), lambda needed: {name: values[name] for name in needed}, graph=graph)
