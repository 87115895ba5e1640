"""The tokens of one attention, the weights between them, and which of them a person means.

The weights of an attention can lie in its tensor in any order, as heads, windows or both. The traced places of queries
and keys tell for each weight from which token it goes to which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, LayerError, OptionError, nearest
from ...results import Layer
from ..graph.graphdef import tensor_of
from ..graph.layers import elements_of
from ..network.feeds import Feeds
from ..network.network import Network
from ..tokens.attention import AttentionNodes
from ..tokens.layers import attention_layer
from ..tokens.places import SPAN, Grids, place_of
from ..tokens.tracing import AttentionPlaces, TracedPlaces, trace

Query = str | int | tuple[int, ...]
"""A place (row, column), the number of a token without a place, or 'mean' over all tokens."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens on one side of an attention.

    Attributes:
        numbers: int (tokens,), the number of each token in its graph: first those without a place, such as the class
            token, then those of the grid in row-major order.
        grid: the shape of the grid, such as (height, width); () where no token has a place, such as words.
    """

    numbers: np.ndarray
    grid: tuple[int, ...]

    @property
    def others(self) -> int:
        """The number of tokens without a place."""
        return len(self.numbers) - (int(np.prod(self.grid)) if self.grid else 0)

    def index(self, query: Query) -> int | None:
        """The index of the token that a person means; ``None`` for the mean over all.

        Raises:
            ChannelError: there is no such place or token. OptionError: it is no query.
        """
        if isinstance(query, str) and query == "mean":
            return None
        if isinstance(query, int | np.integer) and not isinstance(query, bool):
            if 0 <= query < self.others:
                return int(query)
            instead = f"a place of the grid {self.grid}" if self.grid else "one of them"
            raise ChannelError(
                f"Expected the number of a token without a place, of which there are {self.others}. "
                f"Received: query={query!r}. Name {instead}, or 'mean'."
            )
        if (
            isinstance(query, tuple | list)
            and self.grid
            and len(query) == len(self.grid)
            and all(map(_is_whole, query))
        ):
            if all(0 <= place < size for place, size in zip(query, self.grid, strict=True)):
                return self.others + int(np.ravel_multi_index(tuple(map(int, query)), self.grid))
            raise ChannelError(f"Expected a place within the grid {self.grid} of tokens. Received: query={query!r}.")
        places = f"a place with {len(self.grid)} numbers, " if self.grid else ""
        raise OptionError(
            f"Expected query as {places}the number of a token without a place, 'mean' or None. "
            f"Received: query={query!r}."
        )


@dataclass(frozen=True, eq=False)
class AttendedTokens:
    """One attention of one network, for images of one size.

    Attributes:
        layer: the attention.
        nodes: of the graph.
        queries, keys: the tokens on both sides.
        heads: the number of heads.
        elements: int (weights,), which elements of its flat tensor belong to the image.
        head, query, key: int (weights,), the head of each of these elements, and the indices of its tokens.
    """

    layer: Layer
    nodes: AttentionNodes
    queries: Tokens
    keys: Tokens
    heads: int
    elements: np.ndarray
    head: np.ndarray
    query: np.ndarray
    key: np.ndarray

    @property
    def tensor(self) -> str:
        """The full name of the tensor of the weights."""
        return tensor_of(self.nodes.weights)

    def from_query(self, flat: np.ndarray, query: int | None) -> np.ndarray:
        """The weights from one token: float32 (heads, keys); the mean over all tokens for ``None``.

        Args:
            flat: the values of the tensor for one image.
            query: the index of the token.
        """
        rows = np.zeros((self.heads, len(self.keys.numbers)), np.float32)
        chosen = slice(None) if query is None else np.flatnonzero(self.query == query)
        np.add.at(rows, (self.head[chosen], self.key[chosen]), flat[self.elements[chosen]])
        return rows / len(self.queries.numbers) if query is None else rows

    def mean_over_heads(self, flat: np.ndarray) -> np.ndarray:
        """The mean over heads: float32 (queries, keys)."""
        whole = np.zeros((len(self.queries.numbers), len(self.keys.numbers)), np.float32)
        np.add.at(whole, (self.query, self.key), flat[self.elements])
        return whole / np.float32(self.heads)


def attended_tokens(
    network: Network, feeds: Feeds, names: str | Layer | Iterable[str | Layer] | None, grid: Sequence[int] | None
) -> list[AttendedTokens]:
    """Find attentions and their tokens.

    Args:
        network: the network.
        feeds: what is fed; their sizes decide where the tokens lie.
        names: of one or several attentions; ``None`` for all, in order of computation.
        grid: the shape of the grid of the tokens, where the network does not tell it.

    Raises:
        LayerError: the network has no attention, or none of such a name; or its tokens have no grid.
    """
    runtime = network.runtime
    found = runtime.tokens.attentions
    if not found:
        raise LayerError(
            "Expected a network with attention: a softmax over keys, between the product of queries and keys and the "
            "product with values. Received: a network without one. The other methods need none."
        )
    chosen = list(found) if names is None else [_named(network, name) for name in _listed(names)]
    traced = _traced(network, feeds)
    by_weights = {} if traced is None else {places.nodes.weights: places for places in traced.attentions}
    return [_read(network, nodes, traced, by_weights.get(nodes.weights), grid) for nodes in chosen]


def _listed(names: Any) -> list[str | Layer]:
    elements = [names] if isinstance(names, str | Layer) else elements_of(names)
    if not elements or not all(isinstance(each, str | Layer) for each in elements):
        raise LayerError(
            f"Expected the name of an attention, or a list of names. Received: layers={names!r}. "
            "Network.attentions lists them."
        )
    return elements


def _named(network: Network, name: str | Layer) -> AttentionNodes:
    layers = network.attentions
    nodes = network.runtime.tokens.attentions
    wanted = name.name if isinstance(name, Layer) else name.removesuffix(":0")
    for key in (lambda layer: layer.name, lambda layer: layer.keras_name, lambda layer: layer.name.split("/")[0]):
        matching = [each for each, layer in zip(nodes, layers, strict=True) if key(layer) == wanted]
        if len(matching) == 1:
            return matching[0]
    known = nearest(wanted, [layer.name for layer in layers])
    raise LayerError(f"Expected the name of an attention of the network. Received: layer={wanted!r}. {known}")


def _traced(network: Network, feeds: Feeds) -> TracedPlaces | None:
    """The places of tokens for the sizes that are fed."""
    runtime = network.runtime
    static = runtime.tokens.traced
    if static is not None and len(static.attentions) == len(runtime.tokens.attentions):
        return static
    count = runtime.batches.fixed_size or 1
    sizes = {tensor: array.shape for tensor, array in feeds.items() if array.ndim}
    for tensor, shape in sizes.items():
        first = runtime.structure.shapes[tensor][1]
        sizes[tensor] = (count, *shape[1:]) if first is None or first[0] is None else shape
    tokens = runtime.tokens
    return runtime.cache.get_or_make(
        ("traced places", tuple(sizes.items())),
        lambda: trace(tokens.frozen, runtime.structure, runtime.image_tensor, sizes, partial(_shapes, network, feeds)),
    )


def _shapes(network: Network, feeds: Feeds, tensors: Sequence[str]) -> list[tuple[int, ...]]:
    """Run the network for the first image; return the shapes of tensors."""
    runtime = network.runtime
    one = runtime.batches.rows_of(feeds, np.zeros(runtime.batches.fixed_size or 1, int))

    def body(*fed: tf.Tensor) -> list[tf.Tensor]:
        return [tf.shape(each) for each in runtime.build(dict(zip(feeds, fed, strict=True)), tensors)]

    function = runtime.compiled(("shapes", tuple(feeds), tuple(tensors)), body, runtime.batches.signature(feeds))
    return [tuple(map(int, shape)) for shape in function(*one.values())]


def _read(
    network: Network,
    nodes: AttentionNodes,
    traced: TracedPlaces | None,
    places: AttentionPlaces | None,
    grid: Sequence[int] | None,
) -> AttendedTokens:
    layer = attention_layer(network.runtime.structure, nodes, network.runtime.frozen.keras_names)
    axes = len(network.runtime.layout.picture_shape) - 1
    if traced is None or places is None:
        raise LayerError(
            f"Expected an attention of which the sizes are known. Received: {layer.name!r}, of shape {layer.shape}. "
            "Give the model's Input its size."
        )
    sides = _with_positions(_sides(places, traced), layer, places)
    keys = _tokens(sides[1], traced.grids, grid, axes, layer)
    apart = axes > 1 and bool((sides[0] > _BY_POSITION).any()) and not bool((sides[1] > _BY_POSITION).any())
    queries = Tokens(np.unique(sides[0]), ()) if apart else _tokens(sides[0], traced.grids, grid, axes, layer)
    elements = np.flatnonzero((sides[0] > 0) & (sides[1] > 0))
    query, key = (_indices(side[elements], tokens) for side, tokens in zip(sides, (queries, keys), strict=True))
    pairs = query * len(keys.numbers) + key
    order = np.argsort(pairs, kind="stable")
    starts = np.flatnonzero(np.diff(pairs[order], prepend=-1))
    counts = np.diff([*starts, len(order)])
    if not len(counts) or (counts != counts[0]).any():
        raise LayerError(
            f"Expected as many weights between any two tokens as there are heads. Received: {layer.name!r}, where the "
            "numbers differ, since several of its tokens come from the same place."
        )
    head = np.tile(np.arange(counts[0]), len(counts))
    ordered = elements[order]
    return AttendedTokens(layer, nodes, queries, keys, int(counts[0]), ordered, head, query[order], key[order])


def _sides(places: AttentionPlaces, traced: TracedPlaces) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the tokens from and to which each weight of the first image goes; 0 for none."""
    queries, keys = places.queries.ravel(), places.keys.ravel()
    return tuple(np.where(side // SPAN == 0, place_of(side), 0) for side in (queries, keys))  # type: ignore[return-value]


def _with_positions(
    sides: tuple[np.ndarray, np.ndarray], layer: Layer, places: AttentionPlaces
) -> tuple[np.ndarray, np.ndarray]:
    """Number tokens of which no place is known, such as words, by their position in the tensor of the weights."""
    shape = places.queries.shape
    if sides[0].any() and sides[1].any():
        return sides
    if len(shape) not in (3, 4) or shape[0] != 1:
        raise LayerError(
            f"Expected weights of shape (images, heads, queries, keys). Received: {layer.name!r}, of shape {shape}. "
            "Where its tokens come from cannot be told."
        )
    queries = np.broadcast_to(np.arange(1, shape[-2] + 1)[:, None], shape)
    keys = np.broadcast_to(np.arange(1, shape[-1] + 1), shape)
    numbered = queries.ravel() + _BY_POSITION, keys.ravel() + _BY_POSITION
    return tuple(side if side.any() else own for side, own in zip(sides, numbered, strict=True))  # type: ignore[return-value]


_BY_POSITION = 2**40


def _tokens(side: np.ndarray, grids: Grids, grid: Sequence[int] | None, axes: int, layer: Layer) -> Tokens:
    """The tokens of one side, with their grid."""
    numbers = np.unique(side[side > 0])
    present = [each for each in grids.all if len(each.shape) > 0 and np.isin(numbers, each.numbers).any()]
    whole = len(present) == 1 and np.isin(present[0].numbers, numbers).all()
    if grid is None and whole:
        others = numbers[~np.isin(numbers, present[0].numbers)]
        return Tokens(np.concatenate([others, list(present[0].numbers)]), present[0].shape)
    if grid is not None:
        count = int(np.prod(grid))
        if count > len(numbers):
            raise LayerError(
                f"Expected a grid of at most {len(numbers)} tokens, those of {layer.name!r}. "
                f"Received: grid={tuple(grid)!r}, which has {count} places."
            )
        return Tokens(numbers, tuple(map(int, grid)))
    if axes == 1 or not axes:
        return Tokens(numbers, (len(numbers),))
    raise LayerError(
        f"Expected tokens that lie on a grid over the image. Received: the {len(numbers)} tokens of {layer.name!r}, of "
        "which it is not known where they lie. Say it: grid=(height, width); tokens in front of the grid, such as a "
        "class token, are left out."
    )


def _indices(side: np.ndarray, tokens: Tokens) -> np.ndarray:
    """The index of each number among the tokens."""
    order = np.argsort(tokens.numbers, kind="stable")
    return np.asarray(order[np.searchsorted(tokens.numbers[order], side)])


def default_query(network: Network, tokens: Tokens) -> Query:
    """The token that the main head is read from; without one the first token without a place, else 'mean'."""
    traced = network.runtime.tokens.traced
    if not tokens.others:
        return "mean"
    scores = network.logits
    places = None if traced is None or scores is None else traced.places.get(scores.tensor)
    if places is None:
        return 0
    read = np.unique(place_of(places))
    if len(read) > 1:
        return 0
    own = tokens.numbers[: tokens.others].tolist()
    return own.index(read[0]) if read[0] in own else "mean"


def weights_of_image(network: Network, feeds: Feeds, image: int, tensors: Sequence[str]) -> list[np.ndarray]:
    """Compute the weights of attentions for one image, each as a flat array."""
    runtime = network.runtime
    one = runtime.batches.rows_of(feeds, np.full(runtime.batches.fixed_size or 1, image))

    def body(*fed: tf.Tensor) -> list[tf.Tensor]:
        weights = runtime.build(dict(zip(feeds, fed, strict=True)), tensors)
        return [tf.reshape(tf.cast(each, tf.float32), [-1]) for each in weights]

    function = runtime.compiled(("attention", tuple(feeds), tuple(tensors)), body, runtime.batches.signature(feeds))
    values: Any = function(*one.values())
    return list(values)


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer)
