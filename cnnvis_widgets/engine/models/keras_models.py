"""Reads Keras 3 models, alive or from files. The names of ops begin with the names of their layers."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ...errors import CnnvisError, ModelError, described
from ..graph.freezing import Draft
from .functions import Arguments, draft_of_function, without_clashes

_HDF5_SIGNATURE = b"\x89HDF\r\n"


def read_model(model: Any, arguments: Arguments) -> Draft | None:
    """Read a Keras model; anything else gives ``None``."""
    return draft_of_keras_model(model, arguments) if isinstance(model, keras.Model) else None


def read_archive(path: Path, arguments: Arguments) -> Draft | None:
    """Read a .keras file, which is a ZIP archive; any other path gives ``None``."""
    return draft_of_keras_model(_load(path, ".keras"), arguments) if zipfile.is_zipfile(path) else None


def read_hdf5(path: Path, arguments: Arguments) -> Draft | None:
    """Read an .h5 file; any other path gives ``None``."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if file.read(len(_HDF5_SIGNATURE)) != _HDF5_SIGNATURE:
            return None
    return draft_of_keras_model(_load(path, ".h5"), arguments)


def _load(path: Path, suffix: str) -> keras.Model:
    """Load a file under a name with the right suffix, by which alone Keras chooses the format."""
    with tempfile.TemporaryDirectory() as folder:
        named = path if path.suffix == suffix else Path(folder) / f"model{suffix}"
        if named != path:
            named.symlink_to(path.resolve())
        try:
            return keras.models.load_model(named, compile=False)
        except Exception as error:
            if "No model config" in str(error):
                raise ModelError(
                    f"Expected a model with its architecture. Received: {str(path)!r}, which holds weights only. "
                    "Build the model in Python, call model.load_weights(path), and pass the model."
                ) from error
            raise ModelError(
                f"Expected a model that Keras {keras.__version__} can load. Received: {str(path)!r}: {error} "
                "For layers of your own, load it with keras.models.load_model(path, custom_objects=...) and pass "
                "the model."
            ) from error


def draft_of_keras_model(model: keras.Model, arguments: Arguments) -> Draft:
    """Trace a Keras model in inference mode.

    Args:
        model: it is called once, with symbolic inputs.
        arguments: returns the arrays that were fed; called for a subclassed model only, which has no inputs before.

    Raises:
        ModelError: Keras runs on another backend, or the model cannot be traced.
        FeedError: a subclassed model came without a feed.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Expected Keras on TensorFlow. Received: backend {keras.backend.backend()!r}. "
            "Set KERAS_BACKEND=tensorflow before importing keras."
        )
    input_names, specs, call = _signature(model, arguments)
    draft = draft_of_function(_traced(model, specs, call))
    inputs = dict(zip([node for node, _ in draft.inputs or ()], input_names, strict=True))
    nodes = [node.name for node in draft.graph_def.node]
    layers, scopes = _layer_scopes(model, nodes)
    output_names = getattr(model, "output_names", None) or [name for name, _ in draft.outputs or ()]
    return replace(
        draft,
        inputs=[(inputs[node], tensor) for node, tensor in draft.inputs or ()],
        outputs=[(name, tensor) for name, (_, tensor) in zip(output_names, draft.outputs or (), strict=False)],
        keras_names=layers,
        renamed=without_clashes(nodes, {**scopes, **inputs, **draft.renamed}),
    )


def _traced(model: keras.Model, specs: Sequence[tf.TensorSpec], call: Callable[..., Any]) -> Any:
    try:
        return tf.function(call, autograph=False).get_concrete_function(*specs)
    except CnnvisError:
        raise
    except Exception as error:
        raise ModelError(
            f"Expected a model that runs on inputs of shape {[tuple(spec.shape) for spec in specs]}. "
            f"Received: {model.name!r}, which raised {described(error)}"
        ) from error


def _signature(model: keras.Model, arguments: Arguments) -> tuple[list[str], list[tf.TensorSpec], Callable[..., Any]]:
    """Return the names and specs of the inputs, and a call that takes them one by one."""
    if getattr(model, "inputs", None):
        structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        inputs = keras.tree.flatten(structure)
        specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
        names = [tensor.name for tensor in inputs]
        return names, specs, lambda *values: model(keras.tree.pack_sequence_as(structure, values), training=False)
    specs = [tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in arguments()]
    names = ["input"] if len(specs) == 1 else [f"input_{index}" for index in range(len(specs))]
    return names, specs, lambda *values: model(values[0] if len(values) == 1 else list(values), training=False)


def _layer_scopes(model: keras.Model, nodes: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the layer of each node, and a name for the node that begins with the layer's name.

    Keras enters each name scope twice, so the graph says 'sequential_1/conv2d_1_2/Relu' for the layer 'conv2d_1'. The
    numbers cannot simply be removed, because conv2d and conv2d_1 may both be layers. But scopes appear in the order in
    which layers are called.
    """
    layers: dict[str, str] = {}
    renamed: dict[str, str] = {}
    for root in _matching(_components(nodes, ""), model.name):
        for name, path, clean in _walk(model, [node for node in nodes if node.startswith(f"{root}/")], f"{root}/", ""):
            renamed[name] = clean
            if path:
                layers[name] = path
    return layers, renamed


def _walk(model: keras.Model, nodes: list[str], scope: str, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield (node, path of its layer, clean name) for all nodes in the scope of a model."""
    owners = _owners(_components(nodes, scope), model.layers)
    for node in nodes:
        component, _, rest = node[len(scope) :].partition("/")
        if not rest or component not in owners:
            yield node, "", path + node[len(scope) :]
        elif not isinstance(owners[component], keras.Model):
            layer = path + owners[component].name
            yield node, layer, f"{layer}/{rest}"
    for component, layer in owners.items():
        if isinstance(layer, keras.Model):
            inner = f"{scope}{component}/"
            below = [node for node in nodes if node.startswith(inner)]
            yield from _walk(layer, below, inner, f"{path}{layer.name}/")


def _components(nodes: Sequence[str], scope: str) -> list[str]:
    """Return the scopes directly below ``scope``, in order of appearance."""
    below = [node[len(scope) :] for node in nodes if node.startswith(scope)]
    return list(dict.fromkeys(name.partition("/")[0] for name in below if "/" in name))


def _matching(components: Sequence[str], name: str) -> list[str]:
    return [component for component in components if re.fullmatch(re.escape(name) + r"(_\d+)*", component)]


def _owners(components: Sequence[str], layers: Sequence[keras.layers.Layer]) -> Mapping[str, keras.layers.Layer]:
    """Match scopes to layers, in the order in which the layers are called."""
    owners, following = {}, 0
    for component in components:
        candidates = [index for index, layer in enumerate(layers) if _matching([component], layer.name)]
        index = next((index for index in candidates if index >= following), None)
        if index is not None:
            following = index + 1
        elif candidates:  # a layer called again: its longest name
            index = max(candidates, key=lambda candidate: len(layers[candidate].name))
        if index is not None:
            owners[component] = layers[index]
    return owners
