"""Attention maps: from a chosen token, how much each head attends to each place of the image.

References:
    [1] A. Vaswani et al., "Attention Is All You Need", section 3.2, NeurIPS 2017, arXiv 1706.03762.
    [2] A. Dosovitskiy et al., "An Image is Worth 16x16 Words", section 4.5, ICLR 2021, arXiv 2010.11929.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...arguments import checked
from ...errors import NumericalError
from ...results import AttentionMaps, Layer
from ..network.loading import load
from .attended_tokens import AttendedTokens, Query, attended_tokens, default_query, weights_of_image


@checked
def attention_maps(
    network: Any,
    feed: Any = None,
    layer: str | Layer | None = None,
    *,
    query: Query | None = None,
    grid: Sequence[int] | None = None,
) -> AttentionMaps:
    """Compute the attention weights from one token to all others, for each head.

    The weights are those of the network: the softmax over keys of the products of queries and keys. Attention in
    windows is zero outside the window of the token.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        layer: the attention (``Network.attentions`` lists them), by its name or that of its Keras layer; by default
            the last one.
        query: the token that attends: a place (row, column) of its grid, the number of a token without a place (0 is
            the class token; words are counted from 0), or 'mean' over all tokens. By default the token that the main
            head is read from, such as the class token; 'mean' without one.
        grid: (height, width) of the tokens, where the network does not tell it. Tokens in front of the grid, such as a
            class token, have no place.

    Returns:
        ``weights`` is float32 (images, heads, height, width). With ``others``, they add up to 1.

    Raises:
        LayerError: the network has no attention, or none of this name, or its tokens have no grid.
        ChannelError: there is no such place or token. OptionError: it is no query. FeedError: the feed does not fit.
        NumericalError: NaN or infinity.

    References:
        [1] A. Vaswani et al., NeurIPS 2017, section 3.2, arXiv 1706.03762.

    Example:
        >>> import keras, numpy as np
        >>> image = keras.Input((24, 24, 3), name="image")
        >>> x = keras.layers.Conv2D(8, 6, 6)(image)
        >>> x = keras.layers.MultiHeadAttention(2, 4, name="attention")(*[keras.layers.Reshape((16, 8))(x)] * 2)
        >>> maps = attention_maps(keras.Model(image, x), np.ones((24, 24, 3)), query=(1, 2))
        >>> maps.weights.shape, maps.mean.shape
        ((1, 2, 4, 4), (1, 4, 4))
    """
    network = load(network, feed)
    feeds = network.feeds()
    names = [network.attentions[-1]] if layer is None and network.attentions else [layer] if layer is not None else None
    (tokens,) = attended_tokens(network, feeds, names, grid)
    asked = default_query(network, tokens.queries) if query is None else query
    index = tokens.queries.index(asked)
    rows = []
    for image in range(len(feeds[network.runtime.image_tensor])):
        (flat,) = weights_of_image(network, feeds, image, [tokens.tensor])
        rows.append(tokens.from_query(flat, index))
    return result_of("attention_maps", [tokens], asked, np.stack(rows))


def result_of(
    method: str, attentions: Sequence[AttendedTokens], query: Query, rows: np.ndarray, **facts: Any
) -> AttentionMaps:
    """Make the result from weights (images, heads, keys).

    Raises:
        NumericalError: they hold NaN or infinity.
    """
    if not np.isfinite(rows).all():
        raise NumericalError(
            "Expected finite weights of attention. Received: NaN or infinity. Check the range of the images."
        )
    keys = attentions[-1].keys
    images, heads = rows.shape[:2]
    return AttentionMaps(
        method=method,
        layer=attentions[-1].layer,
        layers=tuple(each.layer.name for each in attentions),
        query=tuple(query) if isinstance(query, list) else query,
        weights=np.ascontiguousarray(rows[..., keys.others :], np.float32).reshape(images, heads, *keys.grid),
        others=np.ascontiguousarray(rows[..., : keys.others], np.float32),
        queries=attentions[-1].queries.grid,
        other_queries=attentions[-1].queries.others,
        **facts,
    )
