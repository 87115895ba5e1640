"""Architectures that Keras 2 wrote, put into words that Keras 3 reads. Weights are not touched."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from .keras2_layers import ELLIPSIS

_MEANINGLESS: dict[str, tuple[Any, ...]] = {
    "time_major": (False,),
    "groups": (1,),
    "renorm": (False,),
    "renorm_clipping": (None, {}),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
    "ragged": (False,),
    "sparse": (False,),
    "input_dtype": (None,),
    "dtype": ("float32", None),
    "causal": (False,),
    "batch_input_shape": (None,),
    "output_shape": (None,),
    "noise_shape": (None,),
}
"""Options that Keras 3 no longer has, with the values at which they say nothing."""

_TECHNICAL = {
    *("fused", "implementation", "renorm_momentum", "input_length", "return_runtime", "rng_type", "trainable"),
    *("softmax_robust_masking", "query_shape", "key_shape", "value_shape"),
}
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")
"""Options that Keras 3 no longer has, and that never changed a value of a trained model; how their names end."""

_MODELS = ("Functional", "Model", "Sequential")


def mended(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the architecture of a model of Keras 2 as Keras 3 reads it.

    Options are dropped that Keras 3 does not have and that say nothing at the value they have. An option that does say
    something stays, so that Keras refuses it by name.

    Args:
        config: with 'class_name' and 'config', as an .h5 file holds it.
    """
    renamed = {name: name.replace("/", "_") for name in _layer_names(config) if "/" in name}
    result: dict[str, Any] = _walk(config, lambda text: renamed.get(text, text))
    return result


def _layer_names(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        inner = config.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            yield inner["name"]
        for value in config.values():
            yield from _layer_names(value)
    elif isinstance(config, list):
        for value in config:
            yield from _layer_names(value)


def _walk(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_walk(item, rename) for item in value]
    if isinstance(value, str):
        return rename(value)
    if not isinstance(value, dict):
        return value
    walked = {key: _walk(item, rename) for key, item in value.items()}
    if isinstance(walked.get("class_name"), str) and isinstance(walked.get("config"), dict):
        return _mended_object(walked)
    return walked


def _mended_object(described: dict[str, Any]) -> Any:
    """Mend a layer, an initializer or another object, whose own parts are mended."""
    name, config = described["class_name"], dict(described["config"])
    if name in ("Policy", "PolicyV1"):
        return config["name"]
    if "layers" in config:
        _renumber_models(config)
        _state_calls(config["layers"])
        if name == "Sequential":
            _state_input(config["layers"])
    layer, initializer = getattr(keras.layers, name, None), getattr(keras.initializers, name, None)
    if inspect.isclass(layer):
        _mend_layer(name, config)
    known = layer if inspect.isclass(layer) else initializer if inspect.isclass(initializer) else None
    if known is not None:
        options = _options(known)
        config = {key: value for key, value in config.items() if key in options or not _says_nothing(key, value)}
    return {**described, "config": config}


def _renumber_models(config: dict[str, Any]) -> None:
    """Count the calls of inner models from 0. Keras 2 counted from 1, because building a model was its first call."""
    models = {layer["config"].get("name") for layer in config["layers"] if layer.get("class_name") in _MODELS}
    calls = [call for key in ("layers", "output_layers") for call in _calls(config.get(key)) if call[0] in models]
    first: dict[str, int] = {}
    for name, index, *_ in calls:
        first[name] = min(index, first.get(name, index))
    for call in calls:
        call[1] -= first[call[0]]


def _calls(value: Any) -> Iterator[list[Any]]:
    """Yield the references ['layer', call, output, ...] in what lies outside of inner models."""
    if isinstance(value, list):
        if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int) and isinstance(value[2], int):
            yield value
        for item in value:
            yield from _calls(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "config":
                yield from _calls(item)


def _state_calls(layers: list[dict[str, Any]]) -> None:
    """Write calls as Keras 3 does where Keras 2 hides tensors: among keywords, and in calls of functions."""
    names = {layer["config"].get("name") for layer in layers}
    for layer in layers:
        function = layer["class_name"] in ("TFOpLambda", "SlicingOpLambda")
        calls = layer.get("inbound_nodes") or []
        if any(isinstance(call, list) and (function or _has_keyword_tensors(call, names)) for call in calls):
            layer["inbound_nodes"] = [_stated_call(call, names, function) for call in calls]


def _has_keyword_tensors(call: list[Any], names: set[Any]) -> bool:
    keywords = [entry[3] for entry in call if isinstance(entry, list) and len(entry) > 3]
    return any(_is_reference(value, names) for keyword in keywords for value in keyword.values())


def _is_reference(value: Any, names: set[Any]) -> bool:
    """Return whether a value of a file is ['layer', call, output], or the same with the keywords of the call."""
    return isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and value[0] in names


def _stated_call(call: list[Any], names: set[Any], function: bool) -> dict[str, Any]:
    single = not isinstance(call[0], list)
    entries = [call] if single else call
    keywords: dict[str, Any] = next((entry[3] for entry in entries if len(entry) > 3), {})
    first = [_argument(entry, names) for entry in entries]
    together = not (single or (len(first) == 1 and not function))
    stated = {key: _with_tensors(value, names) for key, value in keywords.items() if key != "name"}
    return {"args": [first if together else first[0]], "kwargs": stated}


def _argument(entry: list[Any], names: set[Any]) -> Any:
    return entry[2] if entry[0] == "_CONSTANT_VALUE" else _with_tensors(entry, names)


def _with_tensors(value: Any, names: set[Any]) -> Any:
    if _is_reference(value, names):
        history = {"shape": [None], "dtype": "float32", "keras_history": value[:3]}
        return {"class_name": "__keras_tensor__", "config": history}
    if isinstance(value, dict) and value.get("class_name") == "__ellipsis__":
        return ELLIPSIS  # Keras cannot read its own
    return [_with_tensors(item, names) for item in value] if isinstance(value, list) else value


def _state_input(sequence: list[dict[str, Any]]) -> None:
    """Put the input of a Sequential, which Keras 2 noted in its first layer, into a layer of its own."""
    first = sequence[0]["config"] if sequence and sequence[0].get("class_name") not in ("InputLayer", *_MODELS) else {}
    shape = first.pop("batch_input_shape", None)
    if shape is not None:
        stated = {"batch_shape": shape, "dtype": first.get("dtype", "float32"), "name": f"{first.get('name')}_input"}
        sequence.insert(0, {"class_name": "InputLayer", "config": stated})


def _mend_layer(name: str, config: dict[str, Any]) -> None:
    for key in ("layer", "backward_layer", "cell"):  # wrappers look for the class where its module says
        inner = config.get(key)
        if isinstance(inner, dict) and "module" not in inner and hasattr(keras.layers, str(inner.get("class_name"))):
            config[key] = {"module": "keras.layers", "registered_name": None, **inner}
    if name == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        [config["axis"]] = config["axis"]


def _options(known: type) -> set[str]:
    """Return the names of what a class takes, and what its bases take if it hands on what it does not know."""
    options = {"batch_input_shape", "input_shape"} if issubclass(known, keras.Layer) else set()
    for base in known.__mro__:
        if "__init__" in vars(base) and base is not object:
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            options |= set(parameters)
            if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values()):
                break
    return options


def _says_nothing(key: str, value: Any) -> bool:
    return key in _TECHNICAL or key.endswith(_OF_TRAINING) or (key in _MEANINGLESS and value in _MEANINGLESS[key])
