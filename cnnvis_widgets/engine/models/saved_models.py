"""Reads SavedModels, from a directory or loaded. Those of TensorFlow 1 are read without its loader."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf

from ...errors import ModelError
from ..graph.freezing import Draft
from ..graph.graphdef import Value, node_of, tensor_of
from .checkpoints import keys_of_objects, values_of_variables, values_under_keys
from .file_variables import built_from_file, emptied_when_read
from .functions import draft_of_function
from .saved_model_files import SavedModelFiles, read_saved_model
from .tracing import Request

SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
_FIRST_BYTE = b"\x08"  # a SavedModel starts with its schema version, a GraphDef with a node


def read_object(model: Any, request: Request) -> Draft | None:
    """Read what ``tf.saved_model.load`` returns; anything else gives ``None``."""
    if not (hasattr(model, "signatures") and hasattr(model, "tensorflow_version")):
        return None
    return draft_of_function(_served_function(model, "the loaded SavedModel"))


def read_path(path: Path, request: Request) -> Draft | None:
    """Read a SavedModel directory, or its ``saved_model.pb``; any other path gives ``None``.

    Raises:
        ModelError: TensorFlow's loader cannot read it.
        TrustError: the loader would run more than the filling of tables; see ``saved_model_files``.
    """
    directory = _directory(path)
    if directory is None:
        return None
    saved = read_saved_model(directory)
    if not saved.has_objects:
        return _of_version_1(saved)
    if request.trusted:
        saved.tell()
    else:
        saved.require_harmless()
    draft = _with_values_of_checkpoint(saved)
    if draft is not None:
        return draft
    try:
        loaded = built_from_file(lambda: tf.saved_model.load(str(directory)))
    except Exception as error:
        raise ModelError(
            f"Expected a SavedModel that TensorFlow {tf.__version__} can load. Received: {str(directory)!r}: {error}"
        ) from error
    return emptied_when_read(draft_of_function(_served_function(loaded.model, str(directory))), loaded.variables)


def _with_values_of_checkpoint(saved: SavedModelFiles) -> Draft | None:
    """Read a SavedModel whose function captures only variables, and their values from the checkpoint.

    TensorFlow's loader would fill all variables. Keras exports each weight twice.

    Returns:
        ``None`` where the function captures something else, such as a table, or the loader fails.
    """
    directory, prefix = str(saved.directory), saved.variables
    if not Path(f"{prefix}.index").is_file():
        return None
    try:
        empty = tf.saved_model.load(directory, options=tf.saved_model.LoadOptions(experimental_skip_checkpoint=True))
        keys = keys_of_objects(prefix, empty)
    except Exception:  # whatever TensorFlow raises; to load it whole tells what is wrong
        return None
    function = _served_function(empty, directory)
    handles = {inner.op.name: outer for outer, inner in function.graph.captures if outer.dtype == tf.resource}
    if any(id(handle) not in keys for handle in handles.values()):
        return None
    stored = {name: keys[id(handle)] for name, handle in handles.items()}

    def read(names: Sequence[str]) -> dict[str, Value]:
        return values_under_keys(prefix, {name: stored[name] for name in names if name in stored})

    return replace(draft_of_function(function), read=read)


def _directory(path: Path) -> Path | None:
    """Return the directory of the SavedModel that a path means."""
    if path.is_dir():
        return path if any((path / name).is_file() for name in SAVED_MODEL_FILES) else None
    if path.name not in SAVED_MODEL_FILES or not path.is_file():
        return None
    with path.open("rb") as file:
        return path.parent if path.suffix == ".pbtxt" or file.read(1) == _FIRST_BYTE else None


def _served_function(loaded: Any, origin: str) -> Any:
    signatures = dict(loaded.signatures)
    return signatures[_served(signatures)] if signatures else _only_function(loaded, origin)


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


def _of_version_1(saved: SavedModelFiles) -> Draft:
    """Read a SavedModel of TensorFlow 1 without running anything: a graph, names of what enters and leaves, values."""
    meta = saved.served()
    signatures = {
        name: signature
        for name, signature in meta.signature_def.items()
        if signature.outputs and not name.startswith("__saved_model")
    }
    inputs = outputs = None
    if signatures:
        signature = signatures[_served(signatures)]
        entering = [tensor.name for _, tensor in sorted(signature.inputs.items()) if tensor.name]
        inputs = [(node_of(tensor), tensor_of(tensor)) for tensor in entering] or None
        outputs = [(key, tensor_of(tensor.name)) for key, tensor in sorted(signature.outputs.items()) if tensor.name]
    read = partial(values_of_variables, saved.variables, meta.graph_def)
    return Draft(meta.graph_def, read, inputs=inputs, outputs=outputs or None)


def _served(signatures: Collection[str]) -> str:
    """Return the name of the signature that a model is used by."""
    return next((key for key in ("serving_default", "serve") if key in signatures), min(signatures))
