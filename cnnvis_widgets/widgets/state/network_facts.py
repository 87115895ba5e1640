"""What a network is called, and what it takes and tells, in words for the first line of an explorer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import demo

if TYPE_CHECKING:
    from ...engine.network.network import Network
    from ...results import Head

EMBEDDED = "EfficientNet-Lite0"
_AUTOMATIC = re.compile(r"(functional|sequential|model)(_\d+)?")
_TELLS = {"classes": "classes", "labels": "independent labels", "values": "values"}
_ONE = {"classes": "class", "independent labels": "label", "values": "value"}


def network_title(model: Any, network: Network) -> str:
    """The name of a network for its heading.

    Args:
        model: what the user gave: a path, a Keras model, a graph ...; ``None`` for the embedded network.
        network: what was made of it.

    Example:
        >>> import keras
        >>> network_title(Path("models/birds.keras"), None), network_title(keras.Sequential(name="birds"), None)
        ('birds', 'birds')
    """
    if model is None or _is_embedded(network):
        return EMBEDDED
    if isinstance(model, (str, Path)):
        return Path(model).stem or str(model)
    name = getattr(model, "name", None)
    if isinstance(name, str) and name and not _AUTOMATIC.fullmatch(name):
        return name
    kinds = [kind.__name__ for kind in type(model).__mro__]
    known = {
        "Model": "Keras model",
        "Layer": "Keras layer",
        "Graph": "TensorFlow graph",
        "GraphDef": "TensorFlow graph",
    }
    return next((known[kind] for kind in kinds if kind in known), "Network")


def _is_embedded(network: Network) -> bool:
    """Whether this is the embedded network, which is not loaded for the question alone."""
    loaded = demo.network.cache_info().currsize
    return bool(loaded) and network is not None and network.runtime is demo.network().runtime


def network_facts(network: Network, shape: tuple[int, ...]) -> str:
    """The input, the number of layers and the task of a network, in a line.

    Args:
        network: the network.
        shape: of one image as fed.

    Example:
        >>> from cnnvis_widgets import demo
        >>> network_facts(demo.network(), (224, 224, 3))
        'input 224 × 224 × 3 · 143 layers · 1000 classes'
    """
    count = len(network.layers)
    size = " × ".join(map(str, shape))
    layers = f"{count} layer{'s' if count != 1 else ''}"
    tasks = [task(head) for head in network.heads]
    if len(tasks) > 1:
        tasks = [f"{len(tasks)} outputs: {', '.join(f'{head.name}' for head in network.heads)}"]
    return " · ".join([f"input {size}", layers, *(tasks or ["no class scores"])])


def task(head: Head) -> str:
    """What one output tells: '10 classes', 'yes or no', '21 classes of every place'."""
    if head.meaning == "yes or no":
        tells = head.meaning
    else:
        several = _TELLS.get(head.meaning, "values")
        tells = f"1 {_ONE[several]}" if head.classes == 1 else f"{head.classes or 'several'} {several}"
    return f"{tells} of every place" if head.is_map else tells
