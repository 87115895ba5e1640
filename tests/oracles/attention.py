"""Attention, rollout and relevance, written from the formulas, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


def attention_weights(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """softmax(Q K^T / sqrt(d)) of queries and keys (heads, tokens, d): (heads, queries, keys)."""
    scores = np.float64(queries) @ np.float64(keys).transpose(0, 2, 1) / np.sqrt(queries.shape[-1])
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def weights_of_keras(layer: keras.layers.MultiHeadAttention, tokens: np.ndarray) -> np.ndarray:
    """The weights of self-attention of tokens (tokens, channels): (heads, queries, keys)."""
    sides = []
    for dense in (layer.query_dense, layer.key_dense):
        kernel, bias = (np.float64(variable) for variable in dense.get_weights())
        sides.append(np.einsum("tc,chd->htd", tokens, kernel) + bias[:, None])
    return attention_weights(*sides)


def weights_by_hand(qkv: keras.layers.Dense, tokens: np.ndarray, heads: int = 2) -> np.ndarray:
    """The weights where one dense layer gives queries, keys and values: (heads, queries, keys)."""
    kernel, bias = (np.float64(variable) for variable in qkv.get_weights())
    parts = (tokens @ kernel + bias).reshape(len(tokens), 3, heads, -1).transpose(1, 2, 0, 3)
    return attention_weights(parts[0], parts[1])


def in_windows(qkv: keras.layers.Dense, maps: np.ndarray, shift: int, side: int = 4) -> np.ndarray:
    """The weights in windows of rolled maps (height, width, channels), among all tokens: (heads, tokens, tokens)."""
    height, width, channels = maps.shape
    places = np.roll(np.arange(height * width).reshape(height, width), (-shift, -shift), (0, 1))
    rolled = np.roll(maps, (-shift, -shift), (0, 1))
    whole = np.zeros((2, height * width, height * width))
    for top in range(0, height, side):
        for left in range(0, width, side):
            window = (slice(top, top + side), slice(left, left + side))
            inside = places[window].ravel()
            weights = weights_by_hand(qkv, rolled[window].reshape(-1, channels))
            whole[:, inside[:, None], inside] = weights
    return whole


def rollout(weights: Sequence[np.ndarray]) -> np.ndarray:
    """Abnar and Zuidema 2020, section 3: the product of (W + I) / 2, W the mean over heads."""
    product = np.eye(weights[0].shape[-1])
    for layer in weights:
        product = (0.5 * layer.mean(axis=0) + 0.5 * np.eye(len(product))) @ product
    return product


def relevance(weights: Sequence[np.ndarray], slopes: Sequence[np.ndarray]) -> np.ndarray:
    """Chefer, Gur and Wolf, ICCV 2021, equations 5 and 6, from the identity."""
    total = np.eye(weights[0].shape[-1])
    for attention, gradient in zip(weights, slopes, strict=True):
        total = total + np.maximum(gradient * attention, 0).mean(axis=0) @ total
    return total


class Plain(tf.Module):
    """A plain function of the transformers of ``transformers.vit`` with Keras' attention, its weights watched."""

    def __init__(self, model: keras.Model, blocks: int, token: bool) -> None:
        super().__init__()
        self.model, self.blocks, self.token = model, blocks, token

    def __call__(self, image: np.ndarray) -> tuple[tf.Tensor, list[tf.Tensor], tf.GradientTape]:
        """The logits of one image, the weights of each attention, and the tape that watches them."""
        layer = self.model.get_layer
        with tf.GradientTape(persistent=True) as tape:
            x = layer("patches")(image[None])
            x = tf.reshape(x, [1, -1, 16])
            if self.token:
                x = layer("class_token")(x)
            x = layer("positions")(x)
            watched = []
            for number in range(self.blocks):
                attention = layer(f"block{number}_attention")
                seen = layer(f"block{number}_normal")(x)
                query, key, value = (
                    tf.einsum("ntc,chd->nhtd", seen, dense.kernel) + dense.bias[:, None]
                    for dense in (attention.query_dense, attention.key_dense, attention.value_dense)
                )
                weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) / tf.sqrt(float(query.shape[-1])))
                tape.watch(weights)
                watched.append(weights)
                output = attention.output_dense
                x = x + tf.einsum("nhtd,hdc->ntc", tf.matmul(weights, value), output.kernel) + output.bias
                x = x + layer(f"block{number}_narrow")(layer(f"block{number}_wide")(layer(f"block{number}_second")(x)))
            x = layer("final")(x)
            x = x[:, 0] if self.token else tf.reduce_mean(x, 1)
            classes = layer("classes")
            logits = tf.matmul(x, classes.kernel) + classes.bias
        return logits, watched, tape
