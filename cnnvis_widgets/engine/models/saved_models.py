"""Reads SavedModels, from a directory or loaded. Those of TensorFlow 1 are read without its loader."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf

from ...errors import ModelError
from ..graph.freezing import Draft
from ..graph.graphdef import node_of, tensor_of
from .checkpoints import values_of_variables
from .functions import draft_of_function
from .saved_model_files import SavedModelFiles, read_saved_model
from .tracing import Request

SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
_FIRST_BYTE = b"\x08"  # a SavedModel starts with its schema version, a GraphDef with a node


def read_object(model: Any, request: Request) -> Draft | None:
    """Read what ``tf.saved_model.load`` returns; anything else gives ``None``."""
    if not (hasattr(model, "signatures") and hasattr(model, "tensorflow_version")):
        return None
    return _from_signatures(model, "the loaded SavedModel")


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
    try:
        loaded = tf.saved_model.load(str(directory))
    except Exception as error:
        raise ModelError(
            f"Expected a SavedModel that TensorFlow {tf.__version__} can load. Received: {str(directory)!r}: {error}"
        ) from error
    return _from_signatures(loaded, str(directory))


def _directory(path: Path) -> Path | None:
    """Return the directory of the SavedModel that a path means."""
    if path.is_dir():
        return path if any((path / name).is_file() for name in SAVED_MODEL_FILES) else None
    if path.name not in SAVED_MODEL_FILES or not path.is_file():
        return None
    with path.open("rb") as file:
        return path.parent if path.suffix == ".pbtxt" or file.read(1) == _FIRST_BYTE else None


def _from_signatures(loaded: Any, origin: str) -> Draft:
    signatures = dict(loaded.signatures)
    if not signatures:
        return draft_of_function(_only_function(loaded, origin))
    return draft_of_function(signatures[_served(signatures)])


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
