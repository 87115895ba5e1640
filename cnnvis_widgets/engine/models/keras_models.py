"""Reads models and layers of Keras 3 and tf_keras. The names of ops begin with the names of their layers.

A layer that is called several times has a name for each call: 'dense' is the first, 'dense.2' the second.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any

import keras
import tensorflow as tf

from ...errors import FeedError, ModelError, described
from ..graph.freezing import Draft
from .functions import draft_of_function, without_clashes
from .tracing import Arguments, Request, traced_by_feed


def read_model(model: Any, request: Request) -> Draft | None:
    """Read a model or a layer of Keras 3 or of ``tf_keras``; anything else gives ``None``."""
    if isinstance(model, keras.layers.Layer):
        require_backend()
        return draft_of_keras_model(model, request.arguments)
    tf_keras = sys.modules.get("tf_keras")
    if tf_keras is not None and isinstance(model, tf_keras.layers.Layer):
        return draft_of_keras_model(model, request.arguments)
    return None


def require_backend() -> None:
    """Check that Keras 3 runs on TensorFlow.

    Raises:
        ModelError: it runs on another backend.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Expected Keras on TensorFlow. Received: backend {keras.backend.backend()!r}. Save the model with "
            "model.save('model.keras') and load that file in a Python where KERAS_BACKEND=tensorflow is set before "
            "keras is imported."
        )


def draft_of_keras_model(model: Any, arguments: Arguments) -> Draft:
    """Trace a model or layer in inference mode, as ``model(x)`` runs.

    A functional model in which a layer was called with ``training=True``, such as a dropout that is to stay on, keeps
    that.

    Args:
        model: of Keras 3 or tf_keras; it is called with symbolic inputs.
        arguments: returns the arrays that were fed; called for a layer or a subclassed model only, which has no inputs
            before.

    Raises:
        ModelError: the model cannot be traced.
        FeedError: a subclassed model came without a feed.
    """
    input_names, function = _traced(model, arguments)
    draft = draft_of_function(function)
    inputs = dict(zip([node for node, _ in draft.inputs or ()], input_names, strict=True))
    nodes = [node.name for node in draft.graph_def.node]
    layers, scopes = _layer_scopes(model, nodes) if _is_model(model) else ({}, {})
    output_names = _output_names(model, function, [name for name, _ in draft.outputs or ()])
    return replace(
        draft,
        inputs=[(inputs[node], tensor) for node, tensor in draft.inputs or ()],
        outputs=[(name, tensor) for name, (_, tensor) in zip(output_names, draft.outputs or (), strict=False)],
        keras_names=layers,
        renamed=without_clashes(nodes, {**scopes, **inputs, **draft.renamed}),
    )


def _output_names(model: Any, function: Any, ops: Sequence[str]) -> list[str]:
    """Return the names that people know outputs by: their keys, the layers that they come from, or else their ops."""
    if isinstance(function.structured_outputs, dict):
        return list(ops)  # these are the keys
    if type(model).__name__ == "Sequential" and model.layers:  # of Keras 3 or tf_keras
        return [model.layers[-1].name]
    names = list(getattr(model, "output_names", None) or ops)
    return [
        f"{name}_{names[:place].count(name)}" if name in names[:place] else name for place, name in enumerate(names)
    ]


def _traced(model: Any, arguments: Arguments) -> tuple[list[str], Any]:
    """Return the names of the inputs, and the ConcreteFunction that takes them one by one."""
    if not getattr(model, "inputs", None):
        arrays = arguments()
        described_model = f"{type(model).__name__} {model.name!r}"
        call = partial(model, **_mode(model))
        return traced_by_feed(call, arrays, described_model, together_first=True)
    try:
        structure = model.input
    except (AttributeError, ValueError):  # a Sequential that was never called; the error depends on the version
        structure = model.inputs[0]
    inputs = tf.nest.flatten(structure)
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
    mode = _mode(model)

    def call_with(*values: tf.Tensor) -> Any:
        return model(tf.nest.pack_sequence_as(structure, values), **mode)

    names = [tensor.name for tensor in inputs]
    function = tf.function(call_with, autograph=False)
    try:
        return names, function.get_concrete_function(*specs)
    except Exception as error:
        sized = _sized(specs, names, arguments)
        if sized is None:
            raise _untraceable(model, specs, error) from error
    try:
        return names, function.get_concrete_function(*sized)
    except Exception as error:
        raise _untraceable(model, sized, error) from error


def _mode(model: Any) -> dict[str, Any]:
    """Return how a model is called: in inference mode, but where one states a mode itself, without any.

    Keras 3 forgets the ``training=True`` with which a layer was called if the whole model is called with
    ``training=False``.
    """
    return {} if _states_training(model) else {"training": False}


def _states_training(model: Any) -> bool:
    nodes = [node for depth in getattr(model, "_nodes_by_depth", {}).values() for node in depth]
    calls = [node for node in nodes if hasattr(node, "arguments")]  # those of tf_keras have none
    stated = any(
        call.arguments.kwargs.get("training") is True and not _trains_by_default(call.operation) for call in calls
    )
    return stated or any(_is_model(layer) and _states_training(layer) for layer in getattr(model, "layers", ()))


def _trains_by_default(layer: Any) -> bool:
    """Whether a layer trains by default, as augmentation does. Keras notes that as if it had been stated."""
    training = signature(layer.call).parameters.get("training")
    return training is not None and training.default is True


def _sized(specs: Sequence[tf.TensorSpec], names: Sequence[str], arguments: Arguments) -> list[tf.TensorSpec] | None:
    """Give inputs of free size the size of what is fed; ``None`` where no size is free, or nothing that fits is fed.

    Some layers of Keras, such as a bilinear ``UpSampling2D``, cannot be traced without knowing the size.
    """
    if all(None not in spec.shape[1:] for spec in specs):
        return None
    try:
        arrays = arguments()
    except FeedError:
        return None
    values = [arrays[name] for name in names] if set(names) <= set(arrays) else list(arrays.values())
    if [value.ndim for value in values] != [spec.shape.rank for spec in specs]:
        return None
    return [tf.TensorSpec([None, *value.shape[1:]], spec.dtype) for value, spec in zip(values, specs, strict=True)]


def _untraceable(model: Any, specs: Sequence[tf.TensorSpec], error: Exception) -> ModelError:
    shapes = [tuple(spec.shape) for spec in specs]
    free = any(None in shape[1:] for shape in shapes)
    advice = " Feed an image, so that its size is known, or give the model's Input one." if free else ""
    return ModelError(
        f"Expected a model that runs on inputs of shape {shapes}. Received: {model.name!r}, which raised "
        f"{described(error)}{advice}"
    )


def _layer_scopes(model: Any, nodes: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
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


def _walk(model: Any, nodes: list[str], scope: str, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield (node, path of its layer, clean name) for all nodes in the scope of a model."""
    owners = _owners(_components(nodes, scope), model)
    for node in nodes:
        component, _, rest = node[len(scope) :].partition("/")
        if not rest or component not in owners:
            yield node, "", path + node[len(scope) :]
        elif not _is_model(owners[component].layer):
            name = path + owners[component].name
            yield node, name, f"{name}/{rest}"
    for component, call in owners.items():
        if _is_model(call.layer):
            inner = f"{scope}{component}/"
            below = [node for node in nodes if node.startswith(inner)]
            yield from _walk(call.layer, below, inner, f"{path}{call.name}/")


def _is_model(layer: Any) -> bool:
    """Return whether a layer of either Keras has layers of its own."""
    return isinstance(getattr(layer, "layers", None), list) and hasattr(layer, "get_layer")


def _components(nodes: Sequence[str], scope: str) -> list[str]:
    """Return the scopes directly below ``scope``, in order of appearance."""
    below = [node[len(scope) :] for node in nodes if node.startswith(scope)]
    return list(dict.fromkeys(name.partition("/")[0] for name in below if "/" in name))


def _matching(components: Sequence[str], name: str) -> list[str]:
    return [component for component in components if name in _names(component)]


def _names(component: str) -> list[str]:
    """Return the layer names that a scope can stand for, the longest first: 'conv_1_2', 'conv_1' and 'conv'."""
    names = [component]
    while (shorter := re.fullmatch(r"(.*)_\d+", names[-1], re.DOTALL)) is not None:
        names.append(shorter[1])
    return names


@dataclass(frozen=True)
class _Call:
    """One call of a layer: 'dense' names the first call of the layer 'dense', 'dense.2' the second."""

    layer: keras.layers.Layer
    number: int

    @property
    def name(self) -> str:
        return self.layer.name if self.number == 1 else f"{self.layer.name}.{self.number}"


def _owners(components: Sequence[str], model: Any) -> Mapping[str, _Call]:
    """Match scopes to calls of layers, in the order in which the layers are called."""
    layers, numbers = model.layers, _numbers_of_calls(model)
    owners, following, calls = dict[str, _Call](), 0, Counter[int]()
    places: dict[str, list[int]] = {}
    for place, layer in enumerate(layers):
        places.setdefault(layer.name, []).append(place)
    for component in components:
        candidates = sorted(place for name in _names(component) for place in places.get(name, ()))
        index = next((place for place in candidates if place >= following), None)
        if index is not None:
            following = index + 1
        elif candidates:  # a layer called again: its longest name
            index = max(candidates, key=lambda candidate: len(layers[candidate].name))
        if index is not None:
            known = numbers.get(id(layers[index]), ())
            owners[component] = _Call(
                layers[index], ([*known, *range(len(known) + 1, len(components) + 1)])[calls[index]]
            )
            calls[index] += 1
    return owners


def _numbers_of_calls(model: Any) -> dict[int, list[int]]:
    """Return, by the id of a layer, the numbers of its calls in the order in which a functional model makes them.

    People count the calls that they wrote; Keras may make a later one first, where neither needs the other.
    """
    made: dict[int, list[int]] = {}
    by_depth = getattr(model, "_nodes_by_depth", None) or {}
    for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
        layer = getattr(node, "operation", None) or getattr(node, "layer", None)
        written = getattr(layer, "_inbound_nodes", ())
        if node in written:
            made.setdefault(id(layer), []).append(written.index(node))
    return {layer: [sorted(places).index(place) + 1 for place in places] for layer, places in made.items()}
