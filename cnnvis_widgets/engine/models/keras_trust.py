"""Looks at the architecture in a Keras file before Keras does, which runs code that an architecture names or holds.

A Lambda layer is Python bytecode; 'module' and 'class_name' of any entry can name any function of any module; a layer
can name a file to read. What Keras's own ``safe_mode`` covers differs from version to version, and for .h5 files some
versions forgot it. So every entry is held to one rule here, whatever Keras is installed: it is a class of Keras that
only computes, or one that is already in this process and registered there, or a layer.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import keras

from ...errors import ModelError, TrustError
from .keras2_layers import LAYERS, is_computation
from .soundness import require_room
from .trust import REMEDY, warn_of_trust

MOST_ENTRIES = 1_000_000
"""Values of an architecture. Those of the largest networks have some 100,000."""

_CODE = ("Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper")
_CALLS = ("TFOpLambda", "SlicingOpLambda")
_PLAIN = {
    *("Functional", "Model", "Sequential", "Policy", "PolicyV1", "DTypePolicyMap"),
    *("__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__tuple__", "__keras_tensor__", "__slice__"),
    *("CategoricalEncoding", "LocallyConnected1D", "LocallyConnected2D", "CuDNNLSTM", "CuDNNGRU", "TensorShape"),
}
"""Entries that hold data, and classes of Keras 2 that this Keras may not have, and then says so."""

_ROOMS = ("layers", "models", "initializers", "regularizers", "constraints", "dtype_policies", "quantizers")
_FILES = {"vocabulary": ("StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup")}
_BASES = (
    *(keras.Operation, keras.layers.Layer, keras.initializers.Initializer),
    *(keras.regularizers.Regularizer, keras.constraints.Constraint),
)
_SIZES = ("units", "filters", "output_dim", "input_dim", "num_heads", "key_dim", "value_dim")


def require_harmless(config: Any, origin: str, *, trusted: bool) -> None:
    """Check that building an architecture runs no code of its file and reads no other file.

    Args:
        config: the parsed JSON of the file.
        origin: the file, for messages.
        trusted: whether the user vouches for it; then a warning says what it does.

    Raises:
        TrustError: it would.
        ModelError: the architecture is no architecture, or has more than ``MOST_ENTRIES`` values.
    """
    if not isinstance(config, dict):
        raise ModelError(f"Expected the architecture of a model. Received: {origin} with {type(config).__name__}.")
    others = list(dict.fromkeys(other for entry in _entries(config) if (other := _other(entry))))
    if others and trusted:
        warn_of_trust(f"runs {', '.join(others[:5])}")
    elif others:
        raise TrustError(
            f"Expected a model that only computes. Received: {origin} with {', '.join(others[:5])}. {REMEDY} Layers of "
            "your own: import their module and register them with keras.saving.register_keras_serializable() before, "
            "or load the model yourself and pass it."
        )


def require_room_for_weights(config: Mapping[str, Any], elements: int, origin: str) -> None:
    """Check sizes in an architecture against the weights of its file, before Keras allocates anything.

    Args:
        config: the parsed JSON of the file.
        elements: how many numbers the weights in the file have.
        origin: the file, for messages.

    Raises:
        ModelError: a layer has more units than the file has numbers, or all layers together take more memory than
            there is.
    """
    before, whole = 1, 0
    for entry in _entries(config):
        options = entry["config"] if isinstance(entry.get("config"), dict) else {}
        own = [value for key in _SIZES if isinstance(value := options.get(key), int) and not isinstance(value, bool)]
        if not own:
            continue
        if max(own) > max(elements, 1):
            raise ModelError(
                f"Expected weights for every layer. Received: {origin}, in which {options.get('name')!r} has "
                f"{max(own):,} units, and which holds {elements:,} numbers. The file is damaged."
            )
        kernel = options.get("kernel_size", ())
        window = prod(size for size in kernel if isinstance(size, int)) if isinstance(kernel, list | tuple) else 1
        whole += 4 * window * before * max(own)
        before = max(own)
    if whole > 2**30:  # what is estimated is rough; a look at the memory is for what is large
        require_room(whole, f"the layers of {origin}")


def _entries(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every entry of an architecture that names a class, from the outside inwards.

    What only training needs (the optimiser and the losses in 'compile_config') is not built, and not looked at.
    """
    pending, count = [config], 0
    while pending:
        value = pending.pop()
        count += 1
        if count > MOST_ENTRIES:
            raise ModelError(f"Expected an architecture of at most {MOST_ENTRIES:,} values. Received: more.")
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            pending += reversed([item for key, item in value.items() if key != "compile_config"])
        elif isinstance(value, list):
            pending += reversed(value)


def _other(entry: Mapping[str, Any]) -> str:
    """Name what an entry would run or read; '' if it only computes."""
    name, config, module = entry.get("class_name"), entry.get("config"), entry.get("module")
    options: dict[str, Any] = config if isinstance(config, dict) else {}
    if not isinstance(name, str) or not (module is None or isinstance(module, str)):
        return f"an entry of the class {name!r} of {module!r}"
    shown = f"{name} ({options['name']!r})" if isinstance(options.get("name"), str) else name
    if name in _CODE or name in ("__lambda__", "__typespec__", "__type__"):
        return f"{shown}, which is code"
    if name in _CALLS:
        function = str(options.get("function"))
        return "" if is_computation(function) else f"the function tf.{function}"
    if any(isinstance(options.get(key), str) for key, classes in _FILES.items() if name in classes):
        return f"{shown}, which reads the file {options['vocabulary']!r}"
    if name == "function":
        return "" if _is_activation(config, module) else f"the function {config!r} of {module!r}"
    known = _class(name, module, entry.get("registered_name"))
    if known is not None:
        return f"{shown}, which is code" if any(base.__name__ in _CODE for base in known.__mro__) else ""
    return "" if name in _PLAIN or not module or _is_of_keras(module) else f"{shown} of the module {module!r}"


def _is_of_keras(module: str) -> bool:
    return module.split(".")[0] in ("keras", "tf_keras")


def _is_activation(config: Any, module: str | None) -> bool:
    name = config.get("name") if isinstance(config, dict) else config
    if not isinstance(name, str):
        return False
    if keras.saving.get_registered_object(name) is not None:
        return True
    own = module in (None, "", "builtins") or (str(module).startswith("keras.") and "activations" in str(module))
    return own and callable(getattr(keras.activations, name, None))


def _class(name: str, module: str | None, registered: Any) -> type | None:
    """Return the class that an entry means, if it is one that may be built; nothing is imported."""
    for key in (registered, name):
        if isinstance(key, str) and (own := keras.saving.get_registered_object(key)) is not None:
            return own if inspect.isclass(own) else None
    if name in LAYERS:
        return LAYERS[name]
    if not module or _is_of_keras(module):
        rooms = (getattr(keras, room, None) for room in _ROOMS)
        found = next((found for room in rooms if inspect.isclass(found := getattr(room, name, None))), None)
        if found is not None:
            return found
    found = getattr(sys.modules.get(module or ""), name, None)
    return found if inspect.isclass(found) and issubclass(found, _BASES) else None
