"""The layers of a network with tokens: feature maps where tokens lie on a grid, and attentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...results import Layer
from ..graph.freezing import FrozenGraph
from ..graph.graphdef import tensor_of
from ..graph.structure import Structure
from .attention import AttentionNodes, find_attentions
from .grids import TokenOrder, on_grids, order_of_tokens
from .places import place_of
from .tracing import TracedPlaces, trace


@dataclass(frozen=True, eq=False)
class TokenFacts:
    """What is known of the tokens of a network.

    Attributes:
        frozen: its graph, with the maps of tokens.
        structure: of that graph.
        attentions: in order of computation.
        traced: the places of tokens, for the sizes that the graph states; ``None`` where it leaves sizes free.
    """

    frozen: FrozenGraph
    structure: Structure
    attentions: tuple[AttentionNodes, ...] = ()
    traced: TracedPlaces | None = None


def read_tokens(frozen: FrozenGraph, structure: Structure, sources: set[str], image: str) -> TokenFacts:
    """Find attentions, and lay the layers of tokens on their grids.

    Args:
        frozen: the graph.
        structure: of the graph.
        sources: the names of the nodes that can be fed.
        image: the full name of the tensor of the images.

    Returns:
        The same graph and structure for a network without tokens.
    """
    attentions = find_attentions(structure)
    axes = len(structure.shapes[image][1] or ()) - 2
    if not attentions and not any(_may_be_tokens(layer, structure, axes) for layer in structure.candidates):
        return TokenFacts(frozen, structure)
    sizes = _sizes_fed(frozen, structure, image)
    traced = None if sizes is None else trace(frozen, structure, image, sizes)
    orders = {} if traced is None else _orders(structure, traced, axes)
    kept = _kept_layers(structure, attentions, orders)
    if orders:
        dtypes = {layer.tensor: structure.shapes[layer.tensor][0].as_datatype_enum for layer in kept}
        images = (structure.shapes[image][1] or (None,))[0]
        frozen, kept = on_grids(frozen, orders, kept, dtypes, images)
    return TokenFacts(frozen, Structure(frozen, sources, kept, structure.inferred), attentions, traced)


def _may_be_tokens(layer: Layer, structure: Structure, axes: int) -> bool:
    return axes == 2 and (len(layer.shape) == 3 or layer.tensor in structure.apart or layer.name in structure.split)


def _sizes_fed(frozen: FrozenGraph, structure: Structure, image: str) -> dict[str, Sequence[int]] | None:
    """One image, and one row of every other input of known size; ``None`` if the size of the images is free."""
    sizes: dict[str, Sequence[int]] = {}
    for tensor in {image, *frozen.inputs.values()}:
        first, *others = structure.shapes[tensor][1] or (None, None)
        if None not in others:
            sizes[tensor] = (first or 1, *(size or 1 for size in others))
    return sizes if image in sizes else None


def _orders(structure: Structure, traced: TracedPlaces, axes: int) -> dict[str, TokenOrder]:
    """By the name of a layer, how its tokens lie on a grid; those that are maps as they stand are left out."""
    orders = {}
    for layer in structure.candidates:
        places = traced.places.get(layer.tensor)
        order = None if places is None else order_of_tokens(places, traced.grids, axes, traced.images)
        if order is not None and not _is_map(layer, order):
            orders[layer.name] = order
    return orders


def _is_map(layer: Layer, order: TokenOrder) -> bool:
    return layer.spatial_shape == order.grid and order.start == 0 and order.channels == 1


def _kept_layers(
    structure: Structure, attentions: Sequence[AttentionNodes], orders: Mapping[str, TokenOrder]
) -> tuple[Layer, ...]:
    """The layers, without what lies inside attentions, and what has neither maps nor values for each image."""
    weights = {attention.weights for attention in attentions}
    inner = {name for attention in attentions for name in attention.inner}
    kept = []
    for layer in structure.candidates:
        if layer.name in weights:
            heads = 1 if len(layer.shape) == 4 else len(layer.shape) - 1
            layer = replace(layer, kind="attention", channel_axis=heads)
        elif layer.name in inner:
            continue
        listed = layer.tensor not in structure.apart and layer.name not in structure.split
        if listed or layer.name in orders:
            kept.append(layer)
    return tuple(kept)


def attention_layer(structure: Structure, nodes: AttentionNodes, keras_names: Mapping[str, str]) -> Layer:
    """The layer of an attention, whose values are its weights. One in windows has no row for each image."""
    tensor = tensor_of(nodes.weights)
    shape = structure.shapes[tensor][1] or ()
    heads = 1 if len(shape) == 4 else max(len(shape) - 1, 0)
    return Layer(nodes.weights, "attention", "", shape, heads, keras_names.get(nodes.weights), tensor)


def of_one_token(traced: TracedPlaces | None, tensor: str) -> bool:
    """Whether all values of a tensor belong to one token without a place in the image, such as the class token."""
    places = None if traced is None else traced.places.get(tensor)
    if traced is None or places is None:
        return False
    numbers = np.unique(place_of(places)).tolist()
    return len(numbers) == 1 and numbers != [0] and traced.grids.holding(numbers[0]).shape == ()
