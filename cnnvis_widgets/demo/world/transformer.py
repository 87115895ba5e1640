"""A small vision transformer that knows the things, with weights of our own that come with the package.

Its first layers are those of the convolutional network, whose maps of 16 x 16 places become 8 x 8 tokens: transformers
learn more from few pictures if they begin with convolutions [2].

References:
    [1] A. Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, arXiv:2010.11929.
    [2] T. Xiao et al., "Early Convolutions Help Transformers See Better", NeurIPS 2021, arXiv:2106.14881.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...arguments import checked
from .network import things_model
from .shapes import NAMES

FILE = Path(__file__).with_name("transformer.npz")
"""The trained weights, float16."""

STEM = "pool2"
"""The last layer that is shared with the convolutional network."""

_WIDTH, _HEADS, _BLOCKS, _GRID = 48, 4, 3, 8


@keras.saving.register_keras_serializable("cnnvis_widgets")
class ClassToken(keras.layers.Layer):
    """Puts a learned class token in front of the tokens, and adds a learned vector for each position to all of them."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the weights; Keras calls this."""
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="zeros", name="token")
        self.positions = self.add_weight(
            shape=(1, (shape[1] or 0) + 1, shape[-1]), initializer="zeros", name="positions"
        )

    def call(self, tokens: Any) -> Any:
        """Float32 (batch, tokens, width) -> (batch, tokens + 1, width)."""
        first = keras.ops.broadcast_to(self.token, (keras.ops.shape(tokens)[0], 1, tokens.shape[-1]))
        return keras.ops.concatenate([first, tokens], axis=1) + self.positions


@checked
def things_transformer(*, trained: bool = True) -> keras.Model:
    """Make the transformer of the things: float32 (batch, 64, 64, 3), picture / 255 - 0.5 -> probabilities (batch, 10).

    Three convolutions and two max-pools of ``things_model``; ``patches``, one token for 8 x 8 pixels; a class token and
    positions; three blocks with ``attention1`` to ``attention3``, of four heads each; ``scores`` from the class token.
    The call leaves the global random state of Keras as it is.

    Args:
        trained: False for random weights behind the convolutions, a control for every picture that looks convincing.

    Example:
        >>> from cnnvis_widgets import attention_maps, demo, load
        >>> data = demo.things(10, seed=1)
        >>> network = load(demo.things_transformer(), data.images, preprocess=demo.things_preprocess)
        >>> attention_maps(network).weights.shape
        (10, 4, 8, 8)
    """
    convolutional = things_model()
    scores = scores_of_tokens(convolutional.get_layer(STEM).output)
    probabilities = keras.layers.Softmax(name="probabilities")(scores)
    model = keras.Model(convolutional.input, probabilities, name="things_transformer")
    if trained:
        with np.load(FILE) as stored:
            model.set_weights([stored[weight.path].astype(np.float32) for weight in model.weights])
    else:
        _randomize(model.weights)
    return model


def scores_of_tokens(maps: Any) -> Any:
    """Build the layers behind the convolutions: maps (batch, 16, 16, 32) -> scores (batch, 10)."""
    layers = keras.layers
    zeros = {"kernel_initializer": "zeros"}  # set afterwards; so the random state of Keras stays as it is
    x = layers.Conv2D(_WIDTH, 2, 2, **zeros, name="patches")(maps)
    x = ClassToken(name="tokens")(layers.Reshape((_GRID * _GRID, _WIDTH), name="row")(x))
    for block in range(1, _BLOCKS + 1):
        normal = layers.LayerNormalization(name=f"before_attention{block}")(x)
        attention = layers.MultiHeadAttention(_HEADS, _WIDTH // _HEADS, **zeros, name=f"attention{block}")
        x = layers.Add(name=f"attended{block}")([x, attention(normal, normal)])
        normal = layers.LayerNormalization(name=f"before_dense{block}")(x)
        wide = layers.Dense(2 * _WIDTH, activation="gelu", **zeros, name=f"wide{block}")
        narrow = layers.Dense(_WIDTH, **zeros, name=f"narrow{block}")
        x = layers.Add(name=f"computed{block}")([x, narrow(wide(normal))])
    first = layers.LayerNormalization(name="final")(x)[:, 0]
    return layers.Dense(len(NAMES), **zeros, name="scores")(first)


def _randomize(weights: list[Any]) -> None:
    """Draw all kernels behind the convolutions, with a variance of one over the number of inputs.

    From a generator of its own: an initializer with a seed would give the queries, keys and values of an attention the
    same kernel.
    """
    random = np.random.default_rng(0)
    for weight in weights:
        if weight.path.startswith("conv") or weight.name not in ("kernel", "token", "positions"):
            continue
        inputs = weight.shape[0] if len(weight.shape) == 3 and weight.shape[0] > _HEADS else prod(weight.shape[:-1])
        deviation = inputs**-0.5 if weight.name == "kernel" else 0.02
        weight.assign(random.normal(0, deviation, weight.shape).astype(np.float32))
