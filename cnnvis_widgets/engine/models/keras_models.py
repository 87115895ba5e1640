"""A Keras 3 model -> a ``Draft`` whose op names begin with the names of its layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...errors import CnnvisError, ModelError
from ..graph.freezing import Draft
from .functions import draft_of_function, without_clashes


def draft_of_keras_model(model: keras.Model, arguments: Callable[[], list[np.ndarray]]) -> Draft:
    """Trace a Keras model in inference mode.

    Raises:
        ModelError: Keras runs on another backend, or the model cannot be traced.
        FeedError: a subclassed model came without a feed.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Expected Keras on TensorFlow. Received: backend {keras.backend.backend()!r}. "
            "Set KERAS_BACKEND=tensorflow before importing keras."
        )
    names, specs, call = _signature(model, arguments)
    try:
        function = tf.function(call, autograph=False).get_concrete_function(*specs)
    except CnnvisError:
        raise
    except Exception as error:
        raise ModelError(
            f"Expected a model that runs on inputs of shape {[tuple(spec.shape) for spec in specs]}. "
            f"Received: {model.name!r}, which raised {type(error).__name__}: {error}"
        ) from error
    draft = draft_of_function(function)
    given = [node for node, _ in draft.inputs or ()]
    inputs = dict(zip(given, names, strict=True))
    layers, scopes = _layer_scopes(model, [node.name for node in draft.graph_def.node])
    renamed = without_clashes([node.name for node in draft.graph_def.node], {**scopes, **inputs, **draft.renamed})
    output_names = getattr(model, "output_names", None) or [name for name, _ in draft.outputs or ()]
    return replace(
        draft,
        inputs=[(inputs[node], tensor) for node, tensor in draft.inputs or ()],
        outputs=[(name, tensor) for name, (_, tensor) in zip(output_names, draft.outputs or (), strict=False)],
        keras_names=layers,
        renamed=renamed,
    )


def _signature(
    model: keras.Model, arguments: Callable[[], list[np.ndarray]]
) -> tuple[list[str], list[tf.TensorSpec], Callable[..., Any]]:
    """The names and specs of the inputs, and a call that takes them one by one."""
    if getattr(model, "inputs", None):
        structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        inputs = keras.tree.flatten(structure)
        specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
        names = [tensor.name for tensor in inputs]
        return names, specs, lambda *given: model(keras.tree.pack_sequence_as(structure, given), training=False)
    specs = [tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in arguments()]
    names = ["input"] if len(specs) == 1 else [f"input_{index}" for index in range(len(specs))]
    return names, specs, lambda *given: model(given[0] if len(given) == 1 else list(given), training=False)


def _layer_scopes(model: keras.Model, nodes: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Which layer each node belongs to, and a name for it that begins with the layer's name.

    Keras enters each name scope twice, so the graph says 'sequential_1/conv2d_1_2/Relu' for the
    layer 'conv2d_1'. The numbers cannot be stripped blindly (conv2d and conv2d_1 are both layers),
    but scopes appear in the order in which layers are called.
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
    """(node, path of its layer, clean name) for all nodes in the scope of a model."""
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
    """The scopes directly below ``scope``, in order of appearance."""
    below = [node[len(scope) :] for node in nodes if node.startswith(scope)]
    return list(dict.fromkeys(name.partition("/")[0] for name in below if "/" in name))


def _matching(components: Sequence[str], name: str) -> list[str]:
    return [each for each in components if re.fullmatch(re.escape(name) + r"(_\d+)*", each)]


def _owners(components: Sequence[str], layers: Sequence[keras.layers.Layer]) -> Mapping[str, keras.layers.Layer]:
    owners, following = {}, 0
    for component in components:
        candidates = [index for index, layer in enumerate(layers) if _matching([component], layer.name)]
        index = next((index for index in candidates if index >= following), None)
        if index is not None:
            following = index + 1
        elif candidates:  # a layer called again: its longest name
            index = max(candidates, key=lambda each: len(layers[each].name))
        if index is not None:
            owners[component] = layers[index]
    return owners
