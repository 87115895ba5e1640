"""How information flows through all attentions to one token: attention rollout, and relevance weighted by gradients.

References:
    [1] S. Abnar and W. Zuidema, "Quantifying Attention Flow in Transformers", section 3, ACL 2020,
        DOI 10.18653/v1/2020.acl-main.385.
    [2] H. Chefer, S. Gur and L. Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and
        Encoder-Decoder Transformers", equations 5, 6 and 8, ICCV 2021, DOI 10.1109/ICCV48922.2021.00045.
    [3] H. Chefer, S. Gur and L. Wolf, "Transformer Interpretability Beyond Attention Visualization", CVPR 2021,
        DOI 10.1109/CVPR46437.2021.00084.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf

from ...arguments import checked
from ...errors import GradientError, LayerError
from ...results import AttentionMaps, Head, Layer
from ..attribution.class_scores import ClassScores
from ..graph.graphdef import ancestors, node_of
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network
from ..network.targets import OneTarget, one
from .attended_tokens import AttendedTokens, Query, attended_tokens, default_query, weights_of_image
from .maps import result_of


@checked
def attention_rollout(
    network: Any,
    feed: Any = None,
    *,
    query: Query | None = None,
    layers: str | Layer | Iterable[str | Layer] | None = None,
    grid: Sequence[int] | None = None,
) -> AttentionMaps:
    """Compute how much of each token arrives at one token after all attentions, by attention rollout [1].

    Each attention is the mean over its heads, W. With half of what arrives taken from the residual connection,
    A = (W + I) / 2. The rollout is the product of all A, the last one in front.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        query: the token at which it arrives; see ``attention_maps``.
        layers: the attentions, in order of computation; by default all.
        grid: (height, width) of the tokens, where the network does not tell it.

    Returns:
        ``weights`` is float32 (images, 1, height, width). With ``others``, they add up to 1.

    Raises:
        LayerError: the network has no attention, its tokens have no grid, or attentions do not follow each other on
            the same tokens, as where windows are merged. Choose some of them then: ``layers``.
        ChannelError, OptionError, FeedError, NumericalError: as ``attention_maps``.

    Notes:
        Rollout knows neither values nor layers between attentions, and no class. Attention in windows is zero between
        windows.

    References:
        [1] S. Abnar and W. Zuidema, ACL 2020, section 3, DOI 10.18653/v1/2020.acl-main.385.

    Example:
        >>> import keras, numpy as np
        >>> image = keras.Input((24, 24, 3), name="image")
        >>> x = keras.layers.Reshape((16, 8))(keras.layers.Conv2D(8, 6, 6)(image))
        >>> for number in range(2):
        ...     x = x + keras.layers.MultiHeadAttention(2, 4)(x, x)
        >>> rollout = attention_rollout(keras.Model(image, x), np.ones((24, 24, 3)), query=(1, 2))
        >>> rollout.weights.shape, round(float(rollout.weights.sum()), 4)
        ((1, 1, 4, 4), 1.0)
    """
    network = load(network, feed)
    feeds = network.feeds()
    attentions = _chain(network, attended_tokens(network, feeds, layers, grid))
    asked = default_query(network, attentions[0].queries) if query is None else query
    index = attentions[0].queries.index(asked)
    rows = []
    for image in range(len(feeds[network.runtime.image_tensor])):
        whole: np.ndarray = np.eye(len(attentions[0].queries.numbers), dtype=np.float32)
        tensors = [each.tensor for each in attentions]
        for tokens, flat in zip(attentions, weights_of_image(network, feeds, image, tensors), strict=True):
            whole = (tokens.mean_over_heads(flat) @ whole + whole) / 2
        rows.append(_row(whole, index))
    return result_of("attention_rollout", attentions, asked, np.stack(rows))


@checked
def attention_relevance(
    network: Any,
    feed: Any = None,
    target: OneTarget = None,
    *,
    query: Query | None = None,
    layers: str | Layer | Iterable[str | Layer] | None = None,
    grid: Sequence[int] | None = None,
    scores: str | Layer | Head | None = None,
) -> AttentionMaps:
    """Compute how much each token speaks for a class, by attention weighted with gradients [1].

    For each attention A, with the gradient G of the class score: the mean over heads of the positive part of G * A
    (equation 5). From the first to the last one it is added to the relevance R, which begins as the identity:
    R = R + mean(G * A)+ R (equation 6).

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        target: a class number or name, or a ``Target``; by default the class that the network is surest of in each
            image.
        query: the token whose relevance is read; see ``attention_maps``. The default is that of the classes.
        layers: the attentions, in order of computation; by default all that the score depends on.
        grid: (height, width) of the tokens, where the network does not tell it.
        scores: the name of a head, or the layer whose channels are the targets; ``None`` for the main head. Scores
            before the activation that saturates are explained.

    Returns:
        ``weights`` is float32 (images, 1, height, width), without a unit. The token itself has 1 from the identity,
        which is taken away (equation 8).

    Raises:
        LayerError: as ``attention_rollout``, or there is no such head.
        GradientError: the score does not depend on an attention.
        ChannelError, OptionError, FeedError, NumericalError: as ``attention_maps``.

    Notes:
        These are the equations for self-attention of the second paper of the authors [1]. The first one [2] takes
        relevances from layer-wise propagation in place of the weights A. For classes, the authors' programs leave the
        token that the classes are read from out of the picture; here it is in ``others``.

    References:
        [1] H. Chefer, S. Gur and L. Wolf, ICCV 2021, DOI 10.1109/ICCV48922.2021.00045, arXiv 2103.15679.
        [2] H. Chefer, S. Gur and L. Wolf, CVPR 2021, DOI 10.1109/CVPR46437.2021.00084, arXiv 2012.09838.

    Example:
        >>> import keras, numpy as np
        >>> image = keras.Input((24, 24, 3), name="image")
        >>> x = keras.layers.Reshape((16, 8))(keras.layers.Conv2D(8, 6, 6)(image))
        >>> x = keras.layers.MultiHeadAttention(2, 4)(x, x)
        >>> scores = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(x))
        >>> relevance = attention_relevance(keras.Model(image, scores), np.ones((24, 24, 3)), 1)
        >>> relevance.weights.shape, bool((relevance.weights >= 0).all())
        ((1, 1, 4, 4), True)
    """
    class_scores = ClassScores.of(network, feed, scores)
    network = class_scores.network
    feeds = class_scores.feeds
    names = _before(network, class_scores.layer) if layers is None else layers
    attentions = _chain(network, attended_tokens(network, feeds, names, grid))
    asked = default_query(network, attentions[0].queries) if query is None else query
    index = attentions[0].queries.index(asked)
    bound = class_scores.bound(one(target))
    rows = []
    for image in range(len(class_scores.images)):
        whole: np.ndarray = np.eye(len(attentions[0].queries.numbers), dtype=np.float32)
        weighted = _weighted(class_scores, attentions, image, bound.channels[image, 0], bound.weights[0])
        for tokens, flat in zip(attentions, weighted, strict=True):
            whole = whole + tokens.mean_over_heads(flat) @ whole
        rows.append(_row(whole - np.eye(len(whole), dtype=np.float32), index))
    return result_of(
        "attention_relevance",
        attentions,
        asked,
        np.stack(rows),
        target=bound.numbers[0],
        name=bound.names[0],
        scores=class_scores.of_targets(bound)[:, 0],
        explains=class_scores.layer,
    )


def attentions_beside(network: Network, feed: Any, layer: str | Layer) -> tuple[Layer, ...]:
    """Find the attentions among the same tokens as one of them: what rollout and relevance can go through together.

    Args:
        network: the network.
        feed: what is fed; ``None`` for the network's own.
        layer: the attention. Those before it, those that depend on it and itself are returned.

    Returns:
        The attentions in order of computation.

    Raises:
        LayerError: as ``attention_maps``.
    """
    network = load(network, feed)
    feeds = network.feeds()
    sizes = tuple((tensor, array.shape[1:]) for tensor, array in feeds.items())
    key = ("attentions beside", layer, sizes)
    found: tuple[Layer, ...] = network.runtime.cache.get_or_make(key, lambda: _beside(network, feeds, layer))
    return found


def _beside(network: Network, feeds: Feeds, layer: str | Layer) -> tuple[Layer, ...]:
    nodes = network.runtime.structure.nodes
    (chosen,) = attended_tokens(network, feeds, layer, None)
    above = ancestors(nodes, [chosen.nodes.scores])
    beside = []
    for tokens in attended_tokens(network, feeds, None, None):
        same = all(np.array_equal(side.numbers, chosen.keys.numbers) for side in (tokens.queries, tokens.keys))
        below = chosen.nodes.values in ancestors(nodes, [tokens.nodes.scores])
        if tokens.nodes == chosen.nodes or (same and (tokens.nodes.values in above or below)):
            beside.append(tokens.layer)
    return tuple(beside)


def _row(whole: np.ndarray, index: int | None) -> np.ndarray:
    """What arrives at one token, or the mean over all tokens, as one head: (1, tokens)."""
    return whole.mean(axis=0, keepdims=True) if index is None else whole[index : index + 1]


def _before(network: Network, scores: Layer) -> list[Layer]:
    """The attentions that scores depend on.

    Raises:
        GradientError: there are attentions, but none of these.
    """
    before = ancestors(network.runtime.structure.nodes, [node_of(scores.tensor)])
    found = [layer for layer in network.attentions if node_of(layer.tensor) in before]
    if network.attentions and not found:
        raise GradientError(
            f"Expected scores that depend on an attention. Received: {scores.name!r}, which depends on none of "
            f"{len(network.attentions)}. Choose another head or layer: scores=..."
        )
    return found


def _weighted(
    class_scores: ClassScores, attentions: Sequence[AttendedTokens], image: int, channel: int, weights: np.ndarray
) -> list[np.ndarray]:
    """The positive part of gradient times weight of each attention, for one image, each as a flat array."""
    runtime, name = class_scores.network.runtime, class_scores.layer.name
    tensors = [each.tensor for each in attentions]

    def body(batch: tf.Tensor, targets: tf.Tensor, places: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
        inputs = class_scores.graph_inputs(batch, others)
        values, *attended = runtime.build(inputs, [class_scores.layer.tensor, *tensors])
        slopes = tf.gradients(class_scores.scores_of(values, targets, places), attended)
        if any(slope is None for slope in slopes):
            raise GradientError(
                f"Expected attentions that the scores of {name!r} depend on. Received: one where no gradient arrives. "
                "Choose others: layers=..."
            )
        products = (tf.nn.relu(slope * each) for slope, each in zip(slopes, attended, strict=True))
        return [tf.reshape(tf.cast(product, tf.float32), [1, -1]) for product in products]

    key = ("attention relevance", class_scores.layer.tensor, class_scores.head.meaning, *tensors)
    row = np.array([image])
    results = class_scores.run(
        key, body, row, class_scores.images[row], np.array([channel], np.int32), weights[np.newaxis]
    )
    return [result[0] for result in results]


def _chain(network: Network, attentions: list[AttendedTokens]) -> list[AttendedTokens]:
    """Check that attentions follow each other, all among the same tokens.

    Raises:
        LayerError: they do not.
    """
    for tokens in attentions:
        if not np.array_equal(tokens.queries.numbers, tokens.keys.numbers):
            raise LayerError(
                f"Expected attention of tokens to themselves. Received: {tokens.layer.name!r}, with "
                f"{len(tokens.queries.numbers)} queries and {len(tokens.keys.numbers)} keys of other tokens. "
                "Choose attentions without it: layers=..."
            )
    structure = network.runtime.structure
    for first, second in pairwise(attentions):
        if not np.array_equal(first.keys.numbers, second.keys.numbers):
            raise LayerError(
                f"Expected attentions among the same tokens. Received: {first.layer.name!r} with a grid of "
                f"{first.keys.grid}, and {second.layer.name!r} with {second.keys.grid}. Choose those of one grid: "
                "layers=..."
            )
        if first.nodes.values not in ancestors(structure.nodes, [second.nodes.scores]):
            raise LayerError(
                f"Expected attentions that follow each other. Received: {first.layer.name!r} and "
                f"{second.layer.name!r}, of which the second does not depend on the first. Choose those of one path: "
                "layers=..."
            )
    return attentions
