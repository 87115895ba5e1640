"""The words and the kind of each layer, as a strip shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...results import Layer
from .blocks import Block

FAMILY_NAMES = {"r": "activation function", "c": "convolution", "p": "pooling", "": "other"}
_OF_FAMILY = {"r": "activation", "c": "convolution", "p": "pooling"}
_OF_KIND = {
    "add": "addition",
    "sum": "addition",
    "dense": "dense",
    "softmax": "activation",
    "sigmoid": "activation",
    "tanh": "activation",
    "softplus": "activation",
}
_SHORT = {
    "batch_normalization": "BN",
    "layer_normalization": "LN",
    "group_normalization": "GN",
    "relu": "ReLU",
    "relu6": "ReLU",
    "global_average_pool": "pool",
    "global_max_pool": "pool",
    "max_pool": "pool",
    "average_pool": "pool",
    "transposed_convolution": "up conv",
}
_KIND_WORDS = re.compile(r"\b(conv|conv\d|convolution|bn|batch ?norm|norm|relu6?|act|activation|layer|kernel)\b")


def kind_of(layer: Layer) -> str:
    """What a layer is coloured by: convolution, normalisation, activation, addition, pooling, dense or other."""
    if layer.family in _OF_FAMILY:
        return _OF_FAMILY[layer.family]
    return "normalisation" if "normalization" in layer.kind else _OF_KIND.get(layer.kind, "other")


def text_of(layer: Layer) -> str:
    """Name, kind, shape and number of maps, for screen readers and tooltips."""
    maps = f", {layer.channels} maps" if layer.spatial_shape else ""
    return f"{layer.label} ({FAMILY_NAMES[layer.family]}{maps})"


def size_of(sizes: Sequence[int | None]) -> str:
    """'14 × 14', '128' for a signal, 'vector' where a layer has no places."""
    return " × ".join(map(size_of_side, sizes)) or "vector"


def size_of_side(size: int | None) -> str:
    return "?" if size is None else str(size)


def labels_of(layers: Sequence[Layer], blocks: Sequence[Block]) -> list[str]:
    """A word below the thumbnail of each layer: what it does in its block; without blocks its name.

    Where a Keras layer has several, such as a convolution and its ReLU, each has its kind beside the name.
    """
    home: dict[int, Block] = {}
    for block in blocks:
        home.update(dict.fromkeys(range(block.first, block.last + 1), block))
    labels = [label_of(layer, home.get(number)) for number, layer in enumerate(layers)]
    if blocks:
        return labels
    shared = {label for label in labels if labels.count(label) > 1}
    return [
        f"{label} {_SHORT.get(layer.kind, layer.kind.replace('_', ' '))}" if label in shared else label
        for label, layer in zip(labels, layers, strict=True)
    ]


def whole_size_of(layer: Layer) -> str:
    """'26 × 26 × 16', or '10 values'."""
    channels = "?" if layer.channels is None else str(layer.channels)
    return (
        " × ".join([*map(size_of_side, layer.spatial_shape), channels]) if layer.spatial_shape else f"{channels} values"
    )


def label_of(layer: Layer, block: Block | None) -> str:
    """A word below a thumbnail: what a layer does in its block; without a block its name.

    Example:
        >>> layer = Layer("block5_expand_conv/Conv2D", "convolution", "c", (None, 8, 8, 4), 3, "block5_expand_conv")
        >>> label_of(layer, Block("block 5", "5", 0, 3, 3, key="block5")), label_of(layer, None)
        ('expand', 'block5_expand_conv')
    """
    name = layer.keras_name or layer.name
    if block is None:
        return name.rsplit("/", maxsplit=1)[-1]
    if layer.kind in _SHORT:
        return _SHORT[layer.kind]
    if layer.family == "r":
        return layer.kind.replace("_", " ")
    rest = name[len(block.key) :] if block.key and name.startswith(block.key) else ""
    words = _KIND_WORDS.sub("", re.sub(r"[_\-./]+", " ", rest)).split()
    words = [word for word in words if not re.fullmatch(r"[A-Z]\w*|\d+", word)]  # ops and running numbers
    shortest = {"convolution": "conv", "depthwise_convolution": "depthwise"}.get(
        layer.kind, layer.kind.replace("_", " ")
    )
    return " ".join(words) or shortest
