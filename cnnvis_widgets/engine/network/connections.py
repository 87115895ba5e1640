"""Which layers of a network feed which, across the ops between them that are no layers."""

from __future__ import annotations

from collections.abc import Sequence

from ...results import Layer
from ..graph.graphdef import data_inputs, node_of
from .network import Network

INPUT = -1
"""Stands for an input of the network among the numbers of its layers."""


def connections(network: Network, layers: Sequence[Layer] | None = None) -> tuple[tuple[int, ...], ...]:
    """Find the layers right before each layer.

    Args:
        network: the network. Nothing is run.
        layers: some of its layers, in order of computation; ``None`` for all. The others count as ops between them.

    Returns:
        For each layer the numbers of the layers whose values reach it without passing through another layer, in rising
        order; ``INPUT`` among them where the network's input does.

    Example:
        >>> import keras
        >>> from cnnvis_widgets import load
        >>> image = keras.Input((8, 8, 3))
        >>> first = keras.layers.Conv2D(4, 3, padding="same", name="first")(image)
        >>> second = keras.layers.Conv2D(4, 3, padding="same", name="second")(first)
        >>> network = load(keras.Model(image, keras.layers.Add(name="sum")([first, second])))
        >>> [layer.keras_name for layer in network.layers], connections(network)
        (['first', 'second', 'sum'], ((-1,), (0,), (0, 1)))
    """
    layers = network.layers if layers is None else layers
    ends = {name: number for number, layer in enumerate(layers) for name in (node_of(layer.tensor), layer.name)}
    structure = network.runtime.structure
    before: list[frozenset[int]] = [frozenset()] * len(layers)
    reaching: dict[str, frozenset[int]] = {}
    for name, node in structure.nodes.items():
        if name not in structure.varying:
            continue
        sources = [source for source in map(node_of, data_inputs(node)) if source in structure.varying]
        arriving = frozenset().union(*(reaching[source] for source in sources if source in reaching))
        arriving = arriving if sources else frozenset([INPUT])
        number = ends.get(name)
        if number is None:
            reaching[name] = arriving
            continue
        before[number] |= arriving - {number}
        reaching[name] = frozenset([number])
    return tuple(tuple(sorted(numbers)) for numbers in before)
